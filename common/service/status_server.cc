#include "common/service/status_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

/// Returns whether both descriptors are open and of one file.
bool is_same_file(int one, int other) {
  struct stat of_one {};
  struct stat of_other {};
  return fstat(one, &of_one) == 0 && fstat(other, &of_other) == 0 &&
         of_one.st_dev == of_other.st_dev && of_one.st_ino == of_other.st_ino;
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

using SharedBody = std::shared_ptr<const std::string>;

void free_body(void* body) noexcept { delete static_cast<SharedBody*>(body); }

/// Returns a response of which the library owns a share of the body, or a copy.
MHD_Response* make_response(StatusReply& reply) {
  if (reply.shared_body == nullptr) {
    return MHD_create_response_from_buffer(reply.body.size(), reply.body.data(),
                                           MHD_RESPMEM_MUST_COPY);
  }
  auto share = std::make_unique<SharedBody>(reply.shared_body);
  MHD_Response* const response = MHD_create_response_from_buffer_with_free_callback_cls(
      reply.shared_body->size(), const_cast<char*>(reply.shared_body->data()), &free_body,
      share.get());
  if (response != nullptr) static_cast<void>(share.release());
  return response;
}

MHD_Result send_reply(MHD_Connection* connection, StatusReply reply) {
  const Handle<MHD_Response, MHD_destroy_response> response(make_response(reply));
  if (response == nullptr) return MHD_NO;
  for (const auto& [name, value] : reply.headers) {
    MHD_add_response_header(response.get(), name.c_str(), value.c_str());
  }
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONNECTION, "close");
  if (reply.status == kMethodNotAllowed) {
    MHD_add_response_header(response.get(), MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  return MHD_queue_response(connection, static_cast<unsigned>(reply.status), response.get());
}

bool is_loopback(const sockaddr* address) {
  if (address == nullptr) return false;
  if (address->sa_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(*address);
    return (ntohl(ipv4.sin_addr.s_addr) >> 24U) == IN_LOOPBACKNET;
  }
  if (address->sa_family != AF_INET6) return false;
  const in6_addr& ipv6 = reinterpret_cast<const sockaddr_in6&>(*address).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&ipv6) ||
         (IN6_IS_ADDR_V4MAPPED(&ipv6) && ipv6.s6_addr[12] == IN_LOOPBACKNET);
}

std::string_view header(MHD_Connection* connection, const char* name) {
  const char* const value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

StatusRequest request_of(MHD_Connection* connection, std::string_view path) {
  const MHD_ConnectionInfo* const info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return {.path = path,
          .authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION),
          .host = header(connection, MHD_HTTP_HEADER_HOST),
          .is_loopback = info != nullptr && is_loopback(info->client_addr),
          // A quality of 0, by which a client refuses gzip by name, is used by nobody.
          .takes_gzip = header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING).find("gzip") !=
                        std::string_view::npos};
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
  ~Daemon() {
    stop_.request_stop();
    thread_.join();
    resume_all();  // the library ends the program where a connection is suspended at its end
  }

  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  struct Open {
    MHD_Connection* connection;
    SteadyTime ends_at;
    std::optional<SteadyTime> asked_at = std::nullopt;  ///< when the handler was first asked
    bool is_suspended = false;                          ///< until the handler is asked again
  };

  void start(Fd socket);
  void serve() noexcept;
  void step();
  void end_overdue(SteadyTime now);
  [[nodiscard]] SteadyTime next_look() const;
  void resume_all();
  [[nodiscard]] Open* find_open(MHD_Connection* connection);
  [[nodiscard]] std::optional<StatusReply> answer(std::string_view method,
                                                  const StatusRequest& request) const;
  [[nodiscard]] MHD_Result respond(MHD_Connection* connection, const char* method,
                                   const char* path);

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

/// Starts the library, which closes the socket at its end. Whether it does so where it cannot
/// start, its releases do not agree on: a second descriptor tells whether the first is still the
/// socket.
void StatusServer::Daemon::start(Fd socket) {
  const Fd same(fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  if (!same.is_open()) throw_errno("cannot duplicate a socket");
  const int number = socket.get();
  daemon_.reset(MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &on_request, this,
      MHD_OPTION_LISTEN_SOCKET, socket.release(), MHD_OPTION_CONNECTION_LIMIT,
      kMostStatusConnections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, kMostOfOneAddress,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kStatusRequestBytes, MHD_OPTION_NOTIFY_CONNECTION,
      &on_connection, this, MHD_OPTION_END));
  const MHD_DaemonInfo* const info =
      daemon_ == nullptr ? nullptr : MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD);
  if (info == nullptr) {
    const bool is_stopped = daemon_ != nullptr;
    daemon_.reset();
    if (!is_stopped && is_same_file(number, same.get())) ::close(number);
    throw Error(ErrorKind::failed, "libmicrohttpd does not start");
  }
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
  resume_all();
  MHD_run(daemon_.get());
  end_overdue(std::chrono::steady_clock::now());
}

SteadyTime StatusServer::Daemon::next_look() const {
  SteadyTime next = kNoDeadline;
  for (const Open& one : open_) {
    next = std::min(next, one.ends_at);
    if (one.is_suspended) {
      next = std::min(next, std::chrono::steady_clock::now() + kStatusAskAgain);
    }
  }
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

/// Lets the library ask for the reply again where there was none.
void StatusServer::Daemon::resume_all() {
  for (Open& one : open_) {
    if (std::exchange(one.is_suspended, false)) MHD_resume_connection(one.connection);
  }
}

StatusServer::Daemon::Open* StatusServer::Daemon::find_open(MHD_Connection* connection) {
  const auto found = std::find_if(open_.begin(), open_.end(), [connection](const Open& one) {
    return one.connection == connection;
  });
  return found == open_.end() ? nullptr : &*found;
}

std::optional<StatusReply> StatusServer::Daemon::answer(std::string_view method,
                                                        const StatusRequest& request) const {
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
    return StatusReply{.status = kMethodNotAllowed,
                       .content_type = kPlainText,
                       .body = "only GET and HEAD are answered here\n"};
  }
  try {
    return handler_(request);
  } catch (...) {
    log_.warn("the status port could not answer", {{"cause", current_error().message()}});
    return StatusReply{.status = kServerError, .content_type = kPlainText, .body = "see the log\n"};
  }
}

MHD_Result StatusServer::Daemon::respond(MHD_Connection* connection, const char* method,
                                         const char* path) {
  StatusRequest request = request_of(connection, path);
  Open* const open = find_open(connection);
  const SteadyTime now = std::chrono::steady_clock::now();
  if (open != nullptr) {
    if (!open->asked_at) open->asked_at = now;
    request.waited = std::chrono::duration_cast<std::chrono::milliseconds>(now - *open->asked_at);
  }
  std::optional<StatusReply> reply = answer(method, request);
  if (reply) return send_reply(connection, *std::move(reply));
  if (open == nullptr) return MHD_NO;  // nobody would resume it
  MHD_suspend_connection(connection);
  open->is_suspended = true;
  return MHD_YES;
}

// NOLINTNEXTLINE(readability-function-size): the library decides on the parameters
MHD_Result StatusServer::Daemon::on_request(void* self, MHD_Connection* connection,
                                            const char* path, const char* method,
                                            const char* /*version*/, const char* /*upload*/,
                                            size_t* /*upload_bytes*/, void** /*request*/) noexcept {
  try {
    return static_cast<Daemon*>(self)->respond(connection, method, path);
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
