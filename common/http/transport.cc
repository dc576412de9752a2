#include "common/http/transport.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "common/base/error.h"
#include "common/base/handle.h"
#include "common/base/text.h"
#include "common/http/http_error.h"

namespace pgbackup {
namespace {

constexpr long kConnectSeconds = 10;
constexpr long kStallBytesPerSecond = 1024;
constexpr long kKeepAliveIdleSeconds = 60;
constexpr long kKeepAliveIntervalSeconds = 30;
/// Load balancers drop idle connections after 20 s or more; a reused one must be younger.
constexpr long kMaxIdleSeconds = 20;
/// The size of an upload buffer, one for each sending thread: as fast as the 2 MiB that
/// CURLOPT_UPLOAD_BUFFERSIZE allows.
constexpr long kUploadBufferBytes = 512L << 10U;
constexpr size_t kDownloadBufferBytes = size_t{512} << 10U;  // CURLOPT_BUFFERSIZE's bound in 7.88
constexpr size_t kSpillBytes = size_t{1} << 20U;
constexpr size_t kMaxHeadBytes = size_t{64} << 10U;
constexpr int kPollMilliseconds = 1000;
constexpr size_t kReadStep = size_t{64} << 10U;

/// Initializes libcurl once before any other call, by a function static.
void init_curl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) {
    throw Error(ErrorKind::failed, fmt::format("libcurl: {}", curl_easy_strerror(result)));
  }
}

void check_multi(CURLMcode code) {
  if (code != CURLM_OK) {
    throw Error(ErrorKind::failed, fmt::format("libcurl: {}", curl_multi_strerror(code)));
  }
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code != CURLE_OK) {
    throw Error(ErrorKind::failed, fmt::format("libcurl option {}: {}", static_cast<int>(option),
                                               curl_easy_strerror(code)));
  }
}

/// Returns the size of a receive buffer. libcurl fills a buffer at once, so it must be small beside
/// the bytes of a second.
size_t bounded_by_rate(size_t bytes, const RateLimit* limit) {
  constexpr size_t kLeast = size_t{16} << 10U;  // smaller buffers gain nothing
  return limit == nullptr ? bytes : std::min(bytes, std::max(kLeast, limit->step(bytes)));
}

/// Opens a socket that no child inherits, also none that another library starts.
curl_socket_t open_socket(void* /*unused*/, curlsocktype /*purpose*/, curl_sockaddr* address) {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// Returns `host[:port]` of a URL, for messages.
std::string_view authority_of(std::string_view url) {
  const size_t begin = url.find("://");
  if (begin != std::string_view::npos) url.remove_prefix(begin + 3);
  return url.substr(0, url.find_first_of("/?"));
}

/// Parses three digits; a reply without them is not usable.
int parse_status(std::string_view text) {
  const std::optional<uint64_t> status = parse_size(text);
  if (text.size() != 3 || !status || *status < 100) {
    throw Error(ErrorKind::corrupt, "the reply has no status");
  }
  return static_cast<int>(*status);
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t size = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, size);
  if (text.empty() || error != std::errc() || stopped != end) return std::nullopt;
  return size;
}

std::string Transport::read_rest(size_t max_bytes) {
  std::string all;
  size_t used = 0;
  for (;;) {
    all.resize(used + kReadStep);
    const size_t got = read({all.data() + used, kReadStep});
    used += got;
    if (used > max_bytes) {
      throw Error(ErrorKind::corrupt, fmt::format("the reply is larger than {} bytes", max_bytes));
    }
    if (got == 0) break;
  }
  all.resize(used);
  return all;
}

std::string Transport::read_begin(size_t max_bytes) {
  std::string begin(max_bytes, '\0');
  size_t used = 0;
  while (used < max_bytes) {
    const size_t got = read({begin.data() + used, max_bytes - used});
    if (got == 0) break;
    used += got;
  }
  begin.resize(used);
  return begin;
}

struct CurlTransport::Handles {
  Handle<CURLM, curl_multi_cleanup> multi;
  Handle<CURL, curl_easy_cleanup> easy;  // gone before the multi handle
};

/// Holds what the callbacks of one exchange see. C code calls them, so they must not throw.
struct CurlTransport::Exchange {
  std::string server;
  std::stop_token stop;
  Handle<curl_slist, curl_slist_free_all> headers;
  std::string_view body;
  size_t sent = 0;
  RateLimit* rate_limit = nullptr;

  HttpResponse response;
  size_t head_bytes = 0;
  bool head_done = false;

  std::span<char> target;  ///< where read() wants the bytes
  size_t filled = 0;
  std::string spill;  ///< what came beyond `target`
  size_t spill_taken = 0;
  size_t spill_bytes = kSpillBytes;  ///< the most bytes of `spill`
  bool paused = false;

  bool done = false;
  CURLcode result = CURLE_OK;
  std::exception_ptr failure;
  std::array<char, CURL_ERROR_SIZE> error_text{};

  void add_header(const std::string& line) {
    curl_slist* const longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(headers.release());
    headers.reset(longer);
  }

  void take_line(std::string_view line) {
    head_bytes += line.size();
    if (head_bytes > kMaxHeadBytes) throw Error(ErrorKind::corrupt, "the reply's head is too long");
    if (line.starts_with("HTTP/")) {  // also after a 100 Continue: begin anew
      response = {};
      const std::string_view rest = trimmed(line.substr(std::min(line.size(), line.find(' '))));
      response.status = parse_status(rest.substr(0, rest.find(' ')));
      return;
    }
    if (trimmed(line).empty()) {
      head_done = response.status >= 200;
      return;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string name(line.substr(0, colon));
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    response.headers.emplace_back(std::move(name), std::string(trimmed(line.substr(colon + 1))));
  }

  void take_body(std::string_view bytes) {
    const size_t direct = std::min(bytes.size(), target.size() - filled);
    if (direct > 0) std::memcpy(target.data() + filled, bytes.data(), direct);
    filled += direct;
    spill.append(bytes.substr(direct));
  }

  size_t take_spill(std::span<char> buffer) {
    const size_t count = std::min(buffer.size(), spill.size() - spill_taken);
    if (count > 0) std::memcpy(buffer.data(), spill.data() + spill_taken, count);
    spill_taken += count;
    if (spill_taken == spill.size()) {
      spill.clear();
      spill_taken = 0;
    }
    return count;
  }

  /// Returns how many of the body's bytes may be sent now, `most` at most. Waits for their turn.
  size_t next_to_send(size_t most) const {
    const size_t bytes = std::min(most, body.size() - sent);
    if (rate_limit == nullptr) return bytes;
    const size_t some = rate_limit->step(bytes);
    rate_limit->send(some, stop);
    return some;
  }

  static size_t on_header(char* data, size_t size, size_t count, void* self) noexcept {
    auto& exchange = *static_cast<Exchange*>(self);
    try {
      exchange.take_line({data, size * count});
      return size * count;
    } catch (...) {
      exchange.failure = std::current_exception();
      return 0;
    }
  }

  static size_t on_body(char* data, size_t size, size_t count, void* self) noexcept {
    auto& exchange = *static_cast<Exchange*>(self);
    if (exchange.spill.size() >= exchange.spill_bytes) {
      exchange.paused = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    try {
      exchange.take_body({data, size * count});
      return size * count;
    } catch (...) {
      exchange.failure = std::current_exception();
      return 0;
    }
  }

  static size_t on_send(char* data, size_t size, size_t count, void* self) noexcept {
    auto& exchange = *static_cast<Exchange*>(self);
    try {
      const size_t bytes = exchange.next_to_send(size * count);
      if (bytes > 0) std::memcpy(data, exchange.body.data() + exchange.sent, bytes);
      exchange.sent += bytes;
      return bytes;
    } catch (...) {
      exchange.failure = std::current_exception();
      return CURL_READFUNC_ABORT;
    }
  }

  /// Rewinds the body, as libcurl asks when a kept connection turns out to be dead.
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept {
    auto& exchange = *static_cast<Exchange*>(self);
    const auto target_offset = static_cast<size_t>(offset);
    if (origin != SEEK_SET || offset < 0 || target_offset > exchange.body.size()) {
      return CURL_SEEKFUNC_FAIL;
    }
    exchange.sent = target_offset;
    return CURL_SEEKFUNC_OK;
  }
};

CurlTransport::CurlTransport(std::filesystem::path ca_file) : ca_file_(std::move(ca_file)) {
  init_curl();
  handles_ = std::make_unique<Handles>();
  handles_->multi.reset(curl_multi_init());
  if (!handles_->multi) throw std::bad_alloc();
}

CurlTransport::~CurlTransport() { detach(); }

void CurlTransport::detach() noexcept {
  if (!exchange_) return;
  static_cast<void>(curl_multi_remove_handle(handles_->multi.get(), handles_->easy.get()));
  exchange_.reset();
}

HttpResponse CurlTransport::start(const HttpRequest& request, const std::stop_token& stop) {
  detach();
  // The multi handle keeps the connections. An easy handle that has failed keeps odd state: 7.88
  // then refuses CURLOPT_BUFFERSIZE.
  handles_->easy.reset(curl_easy_init());
  if (!handles_->easy) throw std::bad_alloc();
  auto exchange = std::make_unique<Exchange>();
  exchange->server = authority_of(request.url);
  exchange->stop = stop;
  exchange->body = request.body;
  exchange->rate_limit = request.rate_limit;
  exchange->spill_bytes = bounded_by_rate(kSpillBytes, request.rate_limit);
  for (const auto& [name, value] : request.headers) {
    // libcurl sends an empty header only in this form.
    exchange->add_header(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  // 7.88 waits a second for a 100 Continue that many servers never send.
  exchange->add_header("Expect:");
  exchange_ = std::move(exchange);
  configure(request);
  configure_method(request);
  check_multi(curl_multi_add_handle(handles_->multi.get(), handles_->easy.get()));
  run_until([this] { return exchange_->head_done; });
  if (!exchange_->head_done) throw_if_failed();
  return exchange_->response;
}

void CurlTransport::configure(const HttpRequest& request) {
  CURL* const easy = handles_->easy.get();
  Exchange* const exchange = exchange_.get();
  set(easy, CURLOPT_URL, request.url.c_str());
  set(easy, CURLOPT_PATH_AS_IS, 1L);
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_HTTPHEADER, exchange->headers.get());
  set(easy, CURLOPT_USERAGENT, "pg-backup/" PROJECT_VERSION);
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_QUICK_EXIT, 1L);  // a hanging name look-up must not hold up a stop
  set(easy, CURLOPT_ERRORBUFFER, exchange->error_text.data());

  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!ca_file_.empty()) set(easy, CURLOPT_CAINFO, ca_file_.c_str());

  set(easy, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall.count()));
  set(easy, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set(easy, CURLOPT_TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set(easy, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
  set(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
  if (request.is_direct) set(easy, CURLOPT_NOPROXY, "*");
  if (request.fresh_connection) {
    set(easy, CURLOPT_FRESH_CONNECT, 1L);
    set(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
  }

  set(easy, CURLOPT_BUFFERSIZE,
      static_cast<long>(bounded_by_rate(kDownloadBufferBytes, request.rate_limit)));
  set(easy, CURLOPT_HEADERFUNCTION, &Exchange::on_header);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(exchange));
  set(easy, CURLOPT_WRITEFUNCTION, &Exchange::on_body);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(exchange));
}

void CurlTransport::configure_method(const HttpRequest& request) {
  CURL* const easy = handles_->easy.get();
  if (request.method == "HEAD") {
    set(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method != "PUT" && request.method != "POST") return;
  set(easy, CURLOPT_UPLOAD, 1L);
  set(easy, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
  set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  set(easy, CURLOPT_READFUNCTION, &Exchange::on_send);
  set(easy, CURLOPT_READDATA, static_cast<void*>(exchange_.get()));
  set(easy, CURLOPT_SEEKFUNCTION, &Exchange::on_seek);
  set(easy, CURLOPT_SEEKDATA, static_cast<void*>(exchange_.get()));
}

void CurlTransport::run_until(const std::function<bool()>& ready) {
  Exchange& exchange = *exchange_;
  CURLM* const multi = handles_->multi.get();
  const std::stop_callback wake(exchange.stop,
                                [multi] { static_cast<void>(curl_multi_wakeup(multi)); });
  while (!exchange.done && !ready()) {
    if (exchange.stop.stop_requested()) {
      throw Error(ErrorKind::canceled, "stopped during a request");
    }
    int running = 0;
    check_multi(curl_multi_perform(multi, &running));
    if (exchange.failure) std::rethrow_exception(exchange.failure);
    int queued = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi, &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      exchange.done = true;
      exchange.result = message->data.result;
    }
    if (exchange.done || ready()) break;
    check_multi(curl_multi_poll(multi, nullptr, 0, kPollMilliseconds, nullptr));
  }
}

void CurlTransport::throw_if_failed() const {
  if (exchange_->result == CURLE_OK && exchange_->head_done) return;
  if (exchange_->result == CURLE_OK) {
    throw Error(ErrorKind::transient, exchange_->server + ": the reply has no head");
  }
  const std::string_view text = exchange_->error_text[0] != '\0'
                                    ? exchange_->error_text.data()
                                    : curl_easy_strerror(exchange_->result);
  throw transport_error(exchange_->result, exchange_->server, text);
}

size_t CurlTransport::read(std::span<char> buffer) {
  const size_t count = read_some(buffer);
  if (exchange_->rate_limit != nullptr) exchange_->rate_limit->receive(count, exchange_->stop);
  return count;
}

size_t CurlTransport::read_some(std::span<char> buffer) {
  Exchange& exchange = *exchange_;
  if (const size_t count = exchange.take_spill(buffer)) return count;
  exchange.target = buffer;
  exchange.filled = 0;
  if (exchange.paused && !exchange.done) {
    exchange.paused = false;
    const CURLcode code = curl_easy_pause(handles_->easy.get(), CURLPAUSE_CONT);
    if (code != CURLE_OK && exchange.filled == 0) {
      throw transport_error(code, exchange.server, curl_easy_strerror(code));
    }
  }
  run_until([&exchange] { return exchange.filled > 0; });
  exchange.target = {};
  if (exchange.filled == 0) throw_if_failed();
  return std::exchange(exchange.filled, 0);
}

}  // namespace pgbackup
