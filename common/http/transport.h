// HTTP/1.1 exchanges: the Transport seam and its libcurl form. Knows nothing of S3. Follows no
// redirect (a signature holds for one host only), asks for no compression, and never skips the
// check of a certificate.
// https://curl.se/libcurl/c/libcurl-multi.html
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/http/rate_limit.h"

namespace pgbackup {

/// Holds headers or query parameters in the order in which they were added.
using NameValues = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method{};     ///< GET HEAD PUT POST DELETE
  std::string url{};        ///< complete and encoded; sent as it is
  NameValues headers{};     ///< Content-Length is added for PUT and POST
  std::string_view body{};  ///< must outlive the exchange
  /// The longest time of the whole exchange; zero: no bound but the stall limit.
  std::chrono::milliseconds timeout{0};
  /// The longest time in which less than 1 KiB/s may pass; zero: no bound.
  std::chrono::seconds stall{60};
  bool is_direct = false;           ///< no proxy, whatever the variables say
  RateLimit* rate_limit = nullptr;  ///< of the bodies; nullptr: no bound. Must outlive the exchange
  bool fresh_connection = false;    ///< a new connection, with a new look-up of the name
};

struct HttpResponse {
  int status = 0;
  NameValues headers;  ///< names in lowercase
  std::string body;

  /// Returns the first value of a header (name in lowercase), empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Parses a Content-Length: decimal digits only. Returns nullopt for anything else.
[[nodiscard]] std::optional<uint64_t> parse_size(std::string_view text);

/// The largest reply that is taken into memory: a page of 1000 keys of 1024 escaped bytes fits
/// twice.
inline constexpr size_t kMaxReplyBytes = size_t{16} << 20U;

/// The most bytes that are read of an error reply; proxies send whole pages.
inline constexpr size_t kMaxErrorBytes = size_t{64} << 10U;

/// Runs one exchange at a time, in one thread at a time. Throws `transient` for failures of the
/// network, `failed` for an invalid certificate, and `canceled`.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  /// Sends a request and returns once the head of the reply is there; `body` is still empty. Drops
  /// an earlier exchange that was not read to its end.
  [[nodiscard]] virtual HttpResponse start(const HttpRequest& request,
                                           const std::stop_token& stop) = 0;
  /// Reads the next bytes of the reply's body, at least 1. Returns 0 at its end.
  virtual size_t read(std::span<char> buffer) = 0;

  /// Returns the rest of the reply's body. Throws `corrupt` beyond `max_bytes`.
  [[nodiscard]] std::string read_rest(size_t max_bytes = kMaxReplyBytes);
  /// Returns the next bytes of the reply's body, `max_bytes` at most, and drops the rest.
  [[nodiscard]] std::string read_begin(size_t max_bytes);
};

/// Makes a transport. Called from the thread that will use it.
using TransportFactory = std::function<std::unique_ptr<Transport>()>;

/// Speaks HTTP by libcurl. Keeps its connection for the next exchange. A stop ends a running
/// exchange at once.
class CurlTransport final : public Transport {
 public:
  /// Trusts the certificates in `ca_file` (PEM); empty: the system's.
  explicit CurlTransport(std::filesystem::path ca_file);
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;
  ~CurlTransport() override;

  [[nodiscard]] HttpResponse start(const HttpRequest& request,
                                   const std::stop_token& stop) override;
  size_t read(std::span<char> buffer) override;

 private:
  struct Handles;
  struct Exchange;

  void configure(const HttpRequest& request);
  void configure_method(const HttpRequest& request);
  /// Runs the exchange until `ready` returns true or the exchange ends.
  void run_until(const std::function<bool()>& ready);
  size_t read_some(std::span<char> buffer);
  void throw_if_failed() const;
  void detach() noexcept;

  std::filesystem::path ca_file_;
  std::unique_ptr<Handles> handles_;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace pgbackup
