#include "common/service/status_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "tests/support/fake_clock.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

const std::string kGet = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/// Returns a connection to the loopback's port; closed where nobody listens.
Fd connect_to(uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    socket.close();
  }
  return socket;
}

bool send_text(const Fd& socket, std::string_view text) {
  return ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(text.size());
}

/// Reads until the other side closes, at most for `most`. Returns what came.
std::string read_all(const Fd& socket, milliseconds most = seconds(20)) {
  std::string text;
  std::array<char, 65536> buffer{};
  const auto deadline = steady_clock::now() + most;
  while (steady_clock::now() < deadline) {
    pollfd wanted{socket.get(), POLLIN, 0};
    if (::poll(&wanted, 1, 20) == 0) continue;
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text + "(still open)";
}

std::string ask(uint16_t port, const std::string& request) {
  const Fd socket = connect_to(port);
  return socket.is_open() && send_text(socket, request) ? read_all(socket) : "(refused)";
}

size_t count_entries(const char* directory) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) ++count;
  return count;
}
size_t count_threads() { return count_entries("/proc/self/task"); }
size_t count_descriptors() { return count_entries("/proc/self/fd"); }

/// Waits until something can be read, or a moment has passed.
void wait_a_moment(const Fd& socket) {
  pollfd wanted{socket.get(), POLLRDHUP, 0};
  ::poll(&wanted, 1, 20);
}

struct Served {
  explicit Served(milliseconds most_time = kStatusTime, ListenAddress address = {"127.0.0.1", 0})
      : server(
            address, [this](const StatusRequest& request) { return answer(request); }, log.log(),
            most_time) {}
  std::optional<StatusReply> answer(const StatusRequest& request) {
    ++asked;
    const std::string_view path = request.path;
    if (path == "/metrics") {
      return StatusReply{.content_type = "text/plain; version=0.0.4", .body = body};
    }
    if (path == "/throws") throw Error(ErrorKind::failed, "no idea");
    if (path == "/memory") throw std::bad_alloc();
    if (path == "/late" && request.waited < ready_after) return std::nullopt;
    if (path == "/late") return StatusReply{.content_type = "text/plain", .shared_body = shared};
    if (path == "/request") {
      return StatusReply{.content_type = "text/plain",
                         .body = fmt::format("{}|{}|{}|{}", request.authorization, request.host,
                                             request.is_loopback, request.takes_gzip),
                         .headers = {{"X-Further", "one"}}};
    }
    return StatusReply{.status = 404, .content_type = "text/plain", .body = "not here\n"};
  }
  [[nodiscard]] bool works() const { return ask(server.port(), kGet).ends_with("\r\n\r\n" + body); }

  FakeClock clock;
  TestLog log{clock};
  std::string body = "a 1\n";
  milliseconds ready_after{350};
  std::shared_ptr<const std::string> shared =
      std::make_shared<const std::string>(size_t{4} << 20U, 's');
  std::atomic<int> asked = 0;
  StatusServer server;
};

/// Leaves this process room for `more` descriptors, as long as it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(int more) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const Fd next(::dup(0));  // the first number that is free
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(next.get() + more);
    setrlimit(RLIMIT_NOFILE, &few);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_CASE("A library that does not start leaves no socket behind") {
  FakeClock clock;
  TestLog log{clock};
  const size_t before = count_descriptors();
  bool has_reached_library = false;
  for (int more = 1; more < 6; ++more) {
    CAPTURE(more);
    std::optional<StatusServer> server;
    {
      const FewDescriptors few(more);
      server.emplace(
          ListenAddress{"127.0.0.1", 0}, [](const StatusRequest&) { return StatusReply{}; },
          log.log());
    }
    if (server->port() != 0) break;
    CHECK(count_descriptors() == before);
    has_reached_library =
        has_reached_library || log.text().find("libmicrohttpd does not start") != std::string::npos;
  }
  CHECK(has_reached_library);
}

TEST_CASE("An address has a port and perhaps a host, by number") {
  struct Row {
    std::string text;
    std::string host;
    uint16_t port;
  };
  for (const Row& row : std::vector<Row>{{":9480", "", 9480},
                                         {"127.0.0.1:9480", "127.0.0.1", 9480},
                                         {"0.0.0.0:1", "0.0.0.0", 1},
                                         {"[::1]:65535", "::1", 65535},
                                         {"[::]:9480", "::", 9480}}) {
    CAPTURE(row.text);
    const std::optional<ListenAddress> address = parse_listen_address(row.text);
    REQUIRE(address);
    CHECK(address->host == row.host);
    CHECK(address->port == row.port);
  }
  for (const auto* const text : {"",
                                 ":",
                                 "9480",
                                 ":0",
                                 ":65536",
                                 ":-1",
                                 ":+1",
                                 ": 9480",
                                 ":9480 ",
                                 ":94x",
                                 "::1:9480",
                                 "[::1]",
                                 "[::1]9480",
                                 "[]:9480",
                                 "[127.0.0.1]:9480",
                                 "localhost:9480",
                                 "*:9480",
                                 "127.0.0.1",
                                 "127.0.0.1:",
                                 "127.1:9480",
                                 "256.0.0.1:9480",
                                 "http://127.0.0.1:9480",
                                 "[fe80::1%eth0]:9480"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_listen_address(text));
  }
}

TEST_CASE("GET is answered with type and length, HEAD with these alone") {
  Served served;
  REQUIRE(served.server.port() != 0);
  const std::string reply = ask(served.server.port(), kGet);
  CHECK(reply.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(contains(reply, "Content-Type: text/plain; version=0.0.4\r\n"));
  CHECK(contains(reply, "Content-Length: 4\r\n"));
  CHECK(contains(reply, "Connection: close\r\n"));
  CHECK(reply.ends_with("\r\n\r\na 1\n"));
  const std::string head = ask(served.server.port(), "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(contains(head, "Content-Length: 4\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(contains(ask(served.server.port(), "GET /metrics?x=1 HTTP/1.0\r\n\r\n"), " 200 OK"));
}

TEST_CASE("Other paths are not found, and other methods not allowed") {
  Served served;
  for (const auto* const path : {"/", "/metrics/", "/metrics/x", "//metrics", "/..%2fmetrics",
                                 "/%00", "/../../etc/passwd", "*"}) {
    CAPTURE(path);
    CHECK(
        contains(ask(served.server.port(), fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path)),
                 " 404 "));
  }
  const int asked = served.asked;
  for (const auto* const method :
       {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"}) {
    CAPTURE(method);
    const std::string reply =
        ask(served.server.port(),
            fmt::format("{} /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", method));
    CHECK(contains(reply, " 405 "));
    CHECK(contains(reply, "Allow: GET, HEAD\r\n"));
  }
  CHECK(served.asked == asked);
  CHECK(served.works());
}

TEST_CASE("A body that nobody wants is not read") {
  Served served;
  const Fd socket = connect_to(served.server.port());
  REQUIRE(
      send_text(socket, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"));
  CHECK(contains(read_all(socket), " 405 "));
  CHECK(served.works());
}

TEST_CASE("What is no HTTP ends the connection and nothing else") {
  Served served;
  for (const std::string& text :
       {std::string("\r\n\r\n\r\n"), std::string("\x16\x03\x01\x02\x00\x01\x00", 7),
        std::string("GET\r\n\r\n"), std::string("GET /metrics HTTP/9.9\r\n\r\n"),
        std::string(100, '\0') + "\r\n\r\n", std::string("GET /metrics HTTP/1.1\r\n: x\r\n\r\n")}) {
    const Fd socket = connect_to(served.server.port());
    REQUIRE(send_text(socket, text));
    ::shutdown(socket.get(), SHUT_WR);
    CHECK_FALSE(contains(read_all(socket), "(still open)"));
  }
  CHECK(served.works());
}

TEST_CASE("Headers without end are cut off when they are larger than the memory for them") {
  Served served;
  const Fd socket = connect_to(served.server.port());
  REQUIRE(send_text(socket, "GET /metrics HTTP/1.1\r\n"));
  size_t sent = 0;
  const std::string header = "X: " + std::string(1000, 'x') + "\r\n";
  constexpr size_t kMost = size_t{256} << 20U;  // more than the system keeps for both sides
  while (sent < kMost && send_text(socket, header)) sent += header.size();
  CHECK(sent < kMost);
  CHECK(served.asked == 0);
  CHECK(served.works());
  CHECK(contains(ask(served.server.port(),
                     "GET /" + std::string(2 * kStatusRequestBytes, 'x') + " HTTP/1.1\r\n\r\n"),
                 "HTTP/1.1 4"));
}

TEST_CASE("A client that sends slowly, reads nothing or says nothing is ended after its time") {
  Served served(milliseconds(300));
  served.body = std::string(size_t{16} << 20U, 'x');
  const auto begun = steady_clock::now();
  const Fd silent = connect_to(served.server.port());
  const Fd deaf = connect_to(served.server.port());
  REQUIRE(send_text(deaf, kGet));
  const Fd slow = connect_to(served.server.port());
  size_t sent = 0;
  while (steady_clock::now() - begun < seconds(20) && send_text(slow, "G")) {
    ++sent;  // never silent for long
    wait_a_moment(slow);
  }
  CHECK(sent < 200);
  CHECK(read_all(silent).empty());
  CHECK(read_all(deaf).size() < served.body.size());
  CHECK(steady_clock::now() - begun < seconds(15));
  served.body = "a 1\n";
  CHECK(served.works());
}

TEST_CASE("Of many connections no more are taken than the few that are allowed") {
  constexpr size_t kClients = 400;
  Served served(milliseconds(500));
  const size_t threads = count_threads();
  const size_t before = count_descriptors();
  {
    std::vector<Fd> clients;
    for (size_t i = 0; i < kClients; ++i) {
      Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(served.server.port());
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      static_cast<void>(
          ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
      clients.push_back(std::move(socket));
    }
    CHECK(read_all(clients.front()).empty());  // its time is over
    CHECK(count_descriptors() <= before + kClients + kMostOfOneAddress);
    CHECK(count_threads() == threads);
  }
  const auto deadline = steady_clock::now() + seconds(20);
  bool works = served.works();
  while (!works && steady_clock::now() < deadline) works = served.works();
  CHECK(works);
}

TEST_CASE("What the handler throws is a reply 500, and a line in the log") {
  Served served;
  CHECK(contains(ask(served.server.port(), "GET /throws HTTP/1.1\r\nHost: x\r\n\r\n"), " 500 "));
  CHECK(served.works());
  CHECK(contains(served.log.text(), "the status port could not answer cause=\"no idea\""));
  CHECK(contains(ask(served.server.port(), "GET /memory HTTP/1.1\r\nHost: x\r\n\r\n"), " 500 "));
  CHECK(served.works());
  CHECK(contains(served.log.text(), "the status port could not answer cause=\"out of memory\""));
}

/// Threads that begin meanwhile want more memory than there is.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t attributes = before_;
    pthread_attr_setstacksize(&attributes, size_t{1} << 47U);
    pthread_setattr_default_np(&attributes);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() { pthread_setattr_default_np(&before_); }

 private:
  pthread_attr_t before_{};
};

TEST_CASE("Where there can be no thread for it, that is a warning, and there is no port") {
  const size_t descriptors = count_descriptors();
  {
    std::optional<NoThreads> none(std::in_place);
    const Served served;
    none.reset();
    CHECK(served.server.port() == 0);
    CHECK(contains(served.log.text(), "there is no status port"));
  }
  CHECK(count_descriptors() == descriptors);
  CHECK(Served().works());
}

TEST_CASE(
    "A port that is taken is a warning that says so, and the end of a server frees its port") {
  Served first;
  const uint16_t port = first.server.port();
  Served second(kStatusTime, {"127.0.0.1", port});
  CHECK(second.server.port() == 0);
  CHECK(contains(second.log.text(),
                 fmt::format("it cannot be listened on address=127.0.0.1:{} cause=", port)));
  CHECK(contains(second.log.text(), "Address already in use"));
  CHECK(contains(second.log.text(), "STATUS_LISTEN"));
  CHECK(first.works());
  std::optional<Served> third(std::in_place);
  const uint16_t freed = third->server.port();
  third.reset();
  CHECK_FALSE(connect_to(freed).is_open());
  const Served again(kStatusTime, {"127.0.0.1", freed});
  CHECK(again.works());
}

TEST_CASE("The handler sees what decides about access, and adds headers") {
  Served served;
  const std::string reply =
      ask(served.server.port(),
          "GET /request HTTP/1.1\r\nHost: a:1\r\nAuthorization: Basic eA==\r\n"
          "Accept-Encoding: br, gzip\r\n\r\n");
  CHECK(reply.ends_with("\r\n\r\nBasic eA==|a:1|true|true"));
  CHECK(contains(reply, "X-Further: one\r\n"));
  CHECK(ask(served.server.port(), "GET /request HTTP/1.0\r\n\r\n").ends_with("||true|false"));
}

TEST_CASE("An IPv4 client of an IPv6 socket is known to be of the loopback") {
  Served served(kStatusTime, {"", 0});
  CHECK(ask(served.server.port(), "GET /request HTTP/1.0\r\n\r\n").ends_with("||true|false"));
}

TEST_CASE("A request that has no reply yet is asked again, and holds up nobody") {
  Served served;
  std::vector<Fd> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(connect_to(served.server.port()));
    REQUIRE(send_text(waiting.back(), "GET /late HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  CHECK(served.works());  // meanwhile
  for (const Fd& socket : waiting) {
    const std::string reply = read_all(socket);
    CHECK(reply.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(reply.ends_with("\r\n\r\n" + *served.shared));
  }
  CHECK(served.asked < 3 * 40);  // it does not spin
  const auto deadline = steady_clock::now() + seconds(20);
  while (served.shared.use_count() > 1 && steady_clock::now() < deadline) wait_a_moment(waiting[0]);
  CHECK(served.shared.use_count() == 1);
}

TEST_CASE(
    "A request that never gets a reply is ended after its time, and a server in spite of it") {
  const auto begun = steady_clock::now();
  {
    Served served(milliseconds(300));
    served.ready_after = std::chrono::hours(1);
    CHECK_FALSE(
        contains(ask(served.server.port(), "GET /late HTTP/1.1\r\nHost: x\r\n\r\n"), "200"));
    CHECK(served.works());
    const Fd left = connect_to(served.server.port());
    REQUIRE(send_text(left, "GET /late HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK(served.works());
  }
  CHECK(steady_clock::now() - begun < seconds(15));
}

TEST_CASE("Without a host it listens on all addresses") {
  const Served served(kStatusTime, {"", 0});
  CHECK(served.works());
}

TEST_CASE("A server that nobody asks ends at once") {
  const auto begun = steady_clock::now();
  {
    const Served served;
    const Fd open = connect_to(served.server.port());
    CHECK(open.is_open());
  }
  CHECK(steady_clock::now() - begun < seconds(5));
}

}  // namespace
}  // namespace pgbackup
