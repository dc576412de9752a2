#include "common/service/status_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/handle.h"

namespace pgbackup {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr const char* kPlainText = "text/plain; charset=utf-8";
constexpr int kMethodNotAllowed = 405;
constexpr int kServerError = 500;
constexpr int kPauseMilliseconds = 200;

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;

  // The socket calls take every family through one type.
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&bytes); }
};

bool is_of_family(int family, const std::string& host) {
  in6_addr any{};  // has room for either
  return inet_pton(family, host.c_str(), &any) == 1;
}

SocketAddress socket_address(int family, const ListenAddress& address) {
  SocketAddress result;
  if (family == AF_INET) {
    auto& ipv4 = reinterpret_cast<sockaddr_in&>(result.bytes);
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(address.port);
    if (!address.host.empty()) inet_pton(AF_INET, address.host.c_str(), &ipv4.sin_addr);
    result.size = sizeof ipv4;
  } else {
    auto& ipv6 = reinterpret_cast<sockaddr_in6&>(result.bytes);
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(address.port);
    if (!address.host.empty()) inet_pton(AF_INET6, address.host.c_str(), &ipv6.sin6_addr);
    result.size = sizeof ipv6;
  }
  return result;
}

/// Returns a socket that listens, or a closed one with errno set.
Fd listen_on(int family, const ListenAddress& address) {
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return socket;
  const int on = 1;
  const int off = 0;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6 && address.host.empty()) {
    setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  SocketAddress to = socket_address(family, address);
  if (::bind(socket.get(), to.get(), to.size) == 0 &&
      ::listen(socket.get(), int{kMostStatusConnections}) == 0) {
    return socket;
  }
  const int error = errno;
  socket.close();
  errno = error;
  return socket;
}

/// Listens on an address; on all of them by IPv6 and IPv4, or by IPv4 where there is no IPv6.
Fd listen_on(const ListenAddress& address) {
  const bool is_ipv4 = is_of_family(AF_INET, address.host);
  Fd socket = listen_on(is_ipv4 ? AF_INET : AF_INET6, address);
  if (!socket.is_open() && address.host.empty() &&
      (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
    socket = listen_on(AF_INET, address);
  }
  if (!socket.is_open()) throw Error(ErrorKind::failed, errno_text(errno));
  return socket;
}

uint16_t port_of(const Fd& socket) {
  SocketAddress address;
  address.size = sizeof address.bytes;
  if (getsockname(socket.get(), address.get(), &address.size) != 0) throw_errno("getsockname");
  // Both families have the port at the same place.
  return ntohs(reinterpret_cast<const sockaddr_in&>(address.bytes).sin_port);
}

std::string format_address(const ListenAddress& address) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", address.host, is_ipv6 ? "]" : "",
                     address.port);
}

MHD_Result send_reply(MHD_Connection* connection, StatusReply reply) {
  const Handle<MHD_Response, MHD_destroy_response> response(
      MHD_create_response_from_buffer(reply.body.size(), reply.body.data(), MHD_RESPMEM_MUST_COPY));
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONNECTION, "close");
  if (reply.status == kMethodNotAllowed) {
    MHD_add_response_header(response.get(), MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  return MHD_queue_response(connection, static_cast<unsigned>(reply.status), response.get());
}

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  ListenAddress address;
  const char* const end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, address.port);
  if (error != std::errc() || stopped != end || address.port == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.empty()) return address;
  const bool is_ipv6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_ipv6) host = host.substr(1, host.size() - 2);
  address.host = host;
  if (!is_of_family(is_ipv6 ? AF_INET6 : AF_INET, address.host)) return std::nullopt;
  return address;
}

/// Runs the library's event loop in a thread of our own, which also ends connections that take too
/// long: the library knows only how long a client is silent, and a slow one never is.
class StatusServer::Daemon {
 public:
  Daemon(const ListenAddress& address, StatusHandler handler, Log& log,
         std::chrono::milliseconds most_time)
      : handler_(std::move(handler)),
        log_(log),
        most_time_(most_time),
        stop_fd_(stop_.get_token()) {
    open_.reserve(kMostStatusConnections);  // so that no callback needs memory
    Fd socket = listen_on(address);
    port_ = port_of(socket);
    start(std::move(socket));
    thread_ = std::jthread([this] { serve(); });
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() { stop_.request_stop(); }

  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  struct Open {
    MHD_Connection* connection;
    SteadyTime ends_at;
  };

  void start(Fd socket);
  void serve() noexcept;
  void step();
  void end_overdue(SteadyTime now);
  [[nodiscard]] SteadyTime next_look() const;
  [[nodiscard]] StatusReply answer(std::string_view method, std::string_view path) const;

  // NOLINTNEXTLINE(readability-function-size)
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path,
                               const char* method, const char* version, const char* upload,
                               size_t* upload_bytes, void** request) noexcept;
  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode what) noexcept;

  StatusHandler handler_;
  Log& log_;
  std::chrono::milliseconds most_time_;
  uint16_t port_ = 0;
  std::vector<Open> open_;
  std::stop_source stop_;
  StopFd stop_fd_;
  Handle<MHD_Daemon, MHD_stop_daemon> daemon_;
  int events_ = -1;      ///< the library's epoll descriptor
  std::jthread thread_;  // last: ends before what it uses
};

void StatusServer::Daemon::start(Fd socket) {
  // The library closes the socket at its end.
  daemon_.reset(MHD_start_daemon(
      MHD_USE_EPOLL, 0, nullptr, nullptr, &on_request, this, MHD_OPTION_LISTEN_SOCKET,
      socket.release(), MHD_OPTION_CONNECTION_LIMIT, kMostStatusConnections,
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, kMostOfOneAddress, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      kStatusRequestBytes, MHD_OPTION_NOTIFY_CONNECTION, &on_connection, this, MHD_OPTION_END));
  const MHD_DaemonInfo* const info =
      daemon_ == nullptr ? nullptr : MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD);
  if (info == nullptr) throw Error(ErrorKind::failed, "libmicrohttpd does not start");
  events_ = info->epoll_fd;
}

void StatusServer::Daemon::serve() noexcept {
  while (!stop_.stop_requested()) {
    try {
      step();
    } catch (...) {
      if (stop_.stop_requested()) return;
      static_cast<void>(::poll(nullptr, 0, kPauseMilliseconds));
    }
  }
}

void StatusServer::Daemon::step() {
  std::array<pollfd, 1> fds = {{{events_, POLLIN, 0}}};
  stop_fd_.wait(fds, next_look());
  MHD_run(daemon_.get());
  end_overdue(std::chrono::steady_clock::now());
}

SteadyTime StatusServer::Daemon::next_look() const {
  SteadyTime next = kNoDeadline;
  for (const Open& one : open_) next = std::min(next, one.ends_at);
  MHD_UNSIGNED_LONG_LONG milliseconds = 0;
  if (MHD_get_timeout(daemon_.get(), &milliseconds) == MHD_YES) {
    // The library has work left (0), or a time of its own, which is none of ours.
    constexpr MHD_UNSIGNED_LONG_LONG kMost = 1000;
    next = std::min(
        next, std::chrono::steady_clock::now() +
                  std::chrono::milliseconds(static_cast<long>(std::min(milliseconds, kMost))));
  }
  return next;
}

void StatusServer::Daemon::end_overdue(SteadyTime now) {
  for (Open& one : open_) {
    if (now < one.ends_at) continue;
    one.ends_at = kNoDeadline;
    const MHD_ConnectionInfo* const info =
        MHD_get_connection_info(one.connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != nullptr)
      ::shutdown(info->connect_fd, SHUT_RDWR);  // the library sees it, and closes
  }
}

StatusReply StatusServer::Daemon::answer(std::string_view method, std::string_view path) const {
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
    return {.status = kMethodNotAllowed,
            .content_type = kPlainText,
            .body = "only GET and HEAD are answered here\n"};
  }
  try {
    return handler_(path);
  } catch (...) {
    log_.warn("the status port could not answer", {{"cause", current_error().message()}});
    return {.status = kServerError, .content_type = kPlainText, .body = "see the log\n"};
  }
}

// NOLINTNEXTLINE(readability-function-size): the library decides on the parameters
MHD_Result StatusServer::Daemon::on_request(void* self, MHD_Connection* connection,
                                            const char* path, const char* method,
                                            const char* /*version*/, const char* /*upload*/,
                                            size_t* /*upload_bytes*/, void** /*request*/) noexcept {
  try {
    return send_reply(connection, static_cast<Daemon*>(self)->answer(method, path));
  } catch (...) {
    return MHD_NO;  // closes the connection
  }
}

void StatusServer::Daemon::on_connection(void* self, MHD_Connection* connection, void** /*context*/,
                                         MHD_ConnectionNotificationCode what) noexcept {
  auto& daemon = *static_cast<Daemon*>(self);
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    daemon.open_.push_back({connection, std::chrono::steady_clock::now() + daemon.most_time_});
  } else {
    std::erase_if(daemon.open_,
                  [connection](const Open& one) { return one.connection == connection; });
  }
}

StatusServer::StatusServer(const ListenAddress& address, StatusHandler handler, Log& log,
                           std::chrono::milliseconds most_time) {
  try {
    daemon_ = std::make_unique<Daemon>(address, std::move(handler), log, most_time);
  } catch (...) {
    log.warn("there is no status port, because it cannot be listened on",
             {{"address", format_address(address)},
              {"cause", current_error().message()},
              {"hint", "free the port or set STATUS_LISTEN to another one, and start again"}});
  }
}

StatusServer::~StatusServer() = default;

uint16_t StatusServer::port() const { return daemon_ == nullptr ? 0 : daemon_->port(); }

}  // namespace pgbackup
