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

#include "common/base/log.h"

namespace pgbackup {

struct ListenAddress {
  std::string host{};  ///< an address of IPv4 or IPv6; empty: all addresses
  uint16_t port = 0;   ///< 0: any that is free
};

/// Parses `:9480`, `127.0.0.1:9480` or `[::1]:9480`. Returns nullopt for anything else, names of
/// hosts and port 0 included.
[[nodiscard]] std::optional<ListenAddress> parse_listen_address(std::string_view text);

struct StatusReply {
  int status = 200;
  std::string content_type{};
  std::string body{};
};

/// Returns the reply for the path of a GET or HEAD request, such as `/metrics`.
using StatusHandler = std::function<StatusReply(std::string_view path)>;

/// Limits the connections at once, of all clients and of one address. More wait, or are closed.
inline constexpr unsigned kMostStatusConnections = 16;
inline constexpr unsigned kMostOfOneAddress = 8;
/// Limits the memory for the request of one connection.
inline constexpr size_t kStatusRequestBytes = size_t{16} << 10U;
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
