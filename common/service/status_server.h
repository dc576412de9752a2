// Answers HTTP requests about a daemon, by GNU libmicrohttpd: one thread, and bounds for
// everything that a client decides. Knows no page: who makes the server brings a handler.
// https://www.gnu.org/software/libmicrohttpd/manual/libmicrohttpd.html
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/log.h"

namespace pgbackup {

struct ListenAddress {
  std::string host{};  ///< an address of IPv4 or IPv6; empty: all addresses
  uint16_t port = 0;   ///< 0: any that is free
};

/// Parses `:9480`, `127.0.0.1:9480` or `[::1]:9480`. Returns nullopt for anything else, names of
/// hosts and port 0 included.
[[nodiscard]] std::optional<ListenAddress> parse_listen_address(std::string_view text);

/// Describes a GET or HEAD request. The texts are the client's, and are valid during the call.
struct StatusRequest {
  std::string_view path;             ///< such as `/metrics`
  std::string_view authorization{};  ///< value of the header; empty: there is none
  std::string_view host{};           ///< value of the header
  bool is_loopback = false;          ///< whether the client's address is one of the loopback
  bool takes_gzip = false;
  std::chrono::milliseconds waited{0};  ///< since the handler was first asked for this request
};

struct StatusReply {
  int status = 200;
  std::string content_type{};
  std::string body{};
  /// Takes the place of `body` where it is set: a large text, of which all connections and whoever
  /// made it share one copy. Whoever is last to need it frees it, which nobody knows beforehand.
  std::shared_ptr<const std::string> shared_body{};
  std::vector<std::pair<std::string, std::string>> headers{};  ///< further ones
};

/// Returns the reply; nullopt: not yet, and the handler is asked again some time later.
using StatusHandler = std::function<std::optional<StatusReply>(const StatusRequest& request)>;

/// Limits the connections at once, of all clients and of one address. More wait, or are closed.
inline constexpr unsigned kMostStatusConnections = 16;
inline constexpr unsigned kMostOfOneAddress = 8;
/// Limits the memory for the request of one connection.
inline constexpr size_t kStatusRequestBytes = size_t{16} << 10U;
/// Sets how often a handler is asked again that has no reply yet.
inline constexpr std::chrono::milliseconds kStatusAskAgain{100};
/// Limits the time of a connection, from its beginning to its end.
inline constexpr std::chrono::seconds kStatusTime{10};

/// Serves until it is destroyed, one request per connection. An address that cannot be listened on
/// is logged as a warning: it must not keep the daemon from its work.
class StatusServer {
 public:
  /// Calls `handler` from a thread of its own. What `handler` throws becomes a reply 500.
  StatusServer(const ListenAddress& address, StatusHandler handler, Log& log,
               std::chrono::milliseconds most_time = kStatusTime);
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;
  ~StatusServer();

  /// Returns the port that it listens on; 0: none.
  [[nodiscard]] uint16_t port() const;

 private:
  class Daemon;

  std::unique_ptr<Daemon> daemon_;  ///< null: it does not listen
};

}  // namespace pgbackup
