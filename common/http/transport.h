// HTTP/1.1 exchanges: the Transport seam and its libcurl form. Knows nothing of S3; follows no
// redirect (a signature holds for one host only), asks for no compression, never skips the check of
// a certificate. https://curl.se/libcurl/c/libcurl-multi.html
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
  /// For the whole exchange; zero: no bound but the stall limit.
  std::chrono::milliseconds timeout{0};
  /// Fails when less than 1 KiB/s passes for this long; zero: never.
  std::chrono::seconds stall{60};
  bool is_direct = false;           ///< never through a proxy, whatever the variables say
  RateLimit* rate_limit = nullptr;  ///< of the bodies; nullptr: no bound. Outlives the exchange
  bool fresh_connection = false;    ///< with a fresh look-up of the name, too
};

struct HttpResponse {
  int status = 0;
  NameValues headers;  ///< names in lower case
  std::string body;

  /// The first value of a header (name in lower case), empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// A Content-Length: decimal digits only, else nullopt.
[[nodiscard]] std::optional<uint64_t> parse_size(std::string_view text);

/// Largest reply that is taken into memory: a page of 1000 keys of 1024 escaped bytes fits twice.
inline constexpr size_t kMaxReplyBytes = size_t{16} << 20U;

/// What is read of a reply that tells of a failure; proxies send whole pages.
inline constexpr size_t kMaxErrorBytes = size_t{64} << 10U;

/// One exchange at a time, one thread at a time. Errors: `transient` for what the network did,
/// `failed` for a certificate that does not hold, `canceled`.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  /// Sends a request and returns once the head of the reply is there; `body` is still empty.
  /// An exchange that was not read to its end is dropped.
  [[nodiscard]] virtual HttpResponse start(const HttpRequest& request,
                                           const std::stop_token& stop) = 0;
  /// The next bytes of the reply's body, at least 1; 0 at its end.
  virtual size_t read(std::span<char> buffer) = 0;

  /// The rest of the reply's body. `corrupt` beyond `max_bytes`.
  [[nodiscard]] std::string read_rest(size_t max_bytes = kMaxReplyBytes);
  /// The next bytes of the reply's body, `max_bytes` at most; what follows is dropped.
  [[nodiscard]] std::string read_begin(size_t max_bytes);
};

/// Called from the thread that will use the transport.
using TransportFactory = std::function<std::unique_ptr<Transport>()>;

/// Keeps its connection for the next exchange. A stop ends a running exchange at once.
class CurlTransport final : public Transport {
 public:
  /// `ca_file`: certificates to trust, PEM; empty: the system's.
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
  /// Lets the exchange go on until `ready` or its end.
  void run_until(const std::function<bool()>& ready);
  size_t read_some(std::span<char> buffer);
  void throw_if_failed() const;
  void detach() noexcept;

  std::filesystem::path ca_file_;
  std::unique_ptr<Handles> handles_;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace pgbackup
