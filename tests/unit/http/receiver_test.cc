#include "common/http/receiver.h"

#include <array>

#include "common/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/hasty_clock.h"
#include "tests/support/scripted_server.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kSecret = "hunter2-token";

/// A receiver that is tried for as long as a test may take.
struct Fixture {
  explicit Fixture(std::vector<std::string> replies) : server(std::move(replies)) {}

  void send(const Message& message, const std::stop_token& stop = {}) {
    Receiver(means, "NOTIFY_URL", server.url(std::string("/hook/") + kSecret)).send(message, stop);
  }

  ScriptedServer server;
  HastyClock clock;
  TestLog log{clock};
  DeliveryMeans means{.transports = [] { return std::make_unique<CurlTransport>(""); },
                      .clock = clock,
                      .log = log.log(),
                      .retry = {.total = milliseconds(300)},
                      .timeout = milliseconds(200)};
};

std::string reply(const std::string& status, const std::string& body = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

TEST_CASE("A URL of a receiver is taken apart, and its user becomes a header") {
  const ReceiverUrl url = parse_receiver_url("https://me:p%40ss@hooks.example.com:8443/a/b?c=d#e");
  CHECK(url.origin == "https://hooks.example.com:8443");
  CHECK(url.server == "hooks.example.com:8443");
  CHECK(url.path == "/a/b");
  CHECK(url.query == "?c=d");
  CHECK(url.authorization == "Basic bWU6cEBzcw==");
  const ReceiverUrl bare = parse_receiver_url(" http://[::1] \n");
  CHECK(bare.origin == "http://[::1]");
  CHECK(bare.path == "/");
  CHECK(bare.query.empty());
  CHECK(bare.authorization.empty());
  CHECK(parse_receiver_url("https://:token@ntfy.sh/x").authorization == "Basic OnRva2Vu");
  CHECK(parse_receiver_url("https://me@ntfy.sh/x").authorization == "Basic bWU6");
}

TEST_CASE("What is no URL of a receiver is refused without a word of it") {
  for (const std::string url :
       {"", "hunter2-token", "/hunter2-token", "//h/hunter2-token", "ftp://h/hunter2-token",
        "file:///hunter2-token", "http://", "http:///hunter2-token", "http://h h/hunter2-token",
        "http://h:port/hunter2-token", "http://h:99999/hunter2-token", "http://h/a hunter2-token",
        "javascript:hunter2-token", "pushgateway:9091"}) {
    CAPTURE(url);
    const auto error = error_of([&] { return parse_receiver_url(url); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::usage);
    CHECK_FALSE(contains(error->what(), kSecret));
  }
}

TEST_CASE("A message goes out with its headers, its body and the suffix in the path") {
  Fixture fixture({reply("202 Accepted")});
  const std::string url = fixture.server.url("/x/?create=1");
  Receiver(fixture.means, "PING_URL", "http://u:p@" + url.substr(7))
      .send({.suffix = "/start", .headers = {{"Content-Type", "text/plain"}}, .body = "hello"}, {});
  fixture.server.end();
  REQUIRE(fixture.server.requests.size() == 1);
  const std::string& request = fixture.server.requests[0];
  CHECK(request.starts_with("POST /x/start?create=1 HTTP/1.1\r\n"));
  CHECK(contains(request, "\r\nContent-Type: text/plain\r\n"));
  CHECK(contains(request, "\r\nAuthorization: Basic dTpw\r\n"));
  CHECK_FALSE(contains(request, "u:p@"));
  CHECK(request.ends_with("\r\n\r\nhello"));
}

TEST_CASE("Without a suffix the URL stays as it is") {
  Fixture fixture({reply("200 OK"), reply("200 OK")});
  Receiver receiver(fixture.means, "PING_URL", fixture.server.url("/x/?a=b"));
  receiver.send({}, {});
  receiver.send({}, {});
  fixture.server.end();
  REQUIRE(fixture.server.requests.size() == 2);
  CHECK(fixture.server.requests[0].starts_with("POST /x/?a=b HTTP/1.1\r\n"));
  CHECK(fixture.server.connections == 1);  // kept for the next message
}

TEST_CASE("A failure that may pass is tried again, and that is said") {
  for (const auto* const first :
       {"500 Internal Server Error", "503 Busy", "429 Too Many", "408 x"}) {
    CAPTURE(first);
    Fixture fixture({reply(first), kHangUp, reply("200 OK")});
    fixture.send({.body = "b"});
    fixture.server.end();
    CHECK(fixture.server.requests.size() == 3);
    CHECK(contains(fixture.log.text(), "trying again cause=\"NOTIFY_URL: 127.0.0.1:"));
    CHECK_FALSE(contains(fixture.log.text(), kSecret));
  }
}

TEST_CASE("A failure that lasts is not tried again, and tells what the receiver says") {
  struct Row {
    const char* status;
    ErrorKind kind;
  };
  for (const Row& row :
       {Row{"400 Bad Request", ErrorKind::conflict}, Row{"401 Unauthorized", ErrorKind::denied},
        Row{"403 Forbidden", ErrorKind::denied}, Row{"404 Not Found", ErrorKind::not_found},
        Row{"410 Gone", ErrorKind::not_found}, Row{"418 Teapot", ErrorKind::failed},
        Row{"301 Moved", ErrorKind::failed}}) {
    CAPTURE(row.status);
    Fixture fixture({reply(row.status, "no\nsuch hook")});
    const auto error = error_of([&] { return fixture.send({}), 0; });
    REQUIRE(error);
    CHECK(error->kind() == row.kind);
    CHECK(contains(error->what(), std::string(" answers ") + std::string(row.status).substr(0, 3)));
    CHECK(contains(error->what(), row.kind == ErrorKind::failed && row.status[0] == '3'
                                      ? "a redirect, which is not followed"
                                      : ": no?such hook"));
    CHECK_FALSE(contains(error->what(), kSecret));
    fixture.server.end();
    CHECK(fixture.server.requests.size() == 1);
  }
}

TEST_CASE("A reply that repeats the URL, and a page for browsers, are not quoted") {
  for (const std::string body : {"Cannot POST /hook/hunter2-token", "\n<html>404</html>"}) {
    Fixture fixture({reply("404 Not Found", body)});
    const auto error = error_of([&] { return fixture.send({}), 0; });
    REQUIRE(error);
    CHECK(std::string(error->what()).ends_with(" answers 404"));
  }
}

TEST_CASE("A reply with angle brackets is quoted, as that of a Pushgateway is") {
  Fixture fixture({reply("400 Bad Request", "inconsistent: label:<name:\"a\">")});
  CHECK(fails_with(ErrorKind::conflict, " answers 400: inconsistent: label:<name:\"a\">",
                   [&] { return fixture.send({}), 0; }));
}

TEST_CASE("A reply that repeats the password, or the path without its encoding, is not quoted") {
  for (const std::string body : {"not hunter2-token", "no hook hunter2 \xc3\xa4 here"}) {
    Fixture fixture({reply("404 Not Found", body)});
    const auto error = error_of([&] {
      return Receiver(fixture.means, "NOTIFY_URL",
                      "http://u:hunter2%2Dtoken@" +
                          fixture.server.url("/hunter2%20%C3%A4%20here").substr(7))
                 .send({}, {}),
             0;
    });
    REQUIRE(error);
    CHECK(std::string(error->what()).ends_with(" answers 404"));
  }
}

TEST_CASE("No receiver holds up for longer than the attempts may take") {
  const std::string endless(200'000, 'x');
  for (const std::string& first :
       {std::string(), std::string(kHangUp), std::string("nonsense\r\n\r\n"),
        "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n" + endless,
        std::string("HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\nten bytes"),
        "HTTP/1.1 200 OK\r\n" + endless}) {
    CAPTURE(first.substr(0, 40));
    Fixture fixture(std::vector<std::string>(50, first));
    const auto begun = steady_clock::now();
    const auto error = error_of([&] { return fixture.send({.body = "b"}), 0; });
    CHECK(steady_clock::now() - begun < std::chrono::seconds(10));
    REQUIRE(error);
    CHECK_FALSE(contains(error->what(), kSecret));
  }
}

TEST_CASE("A reply of success is enough, however long it goes on") {
  Fixture fixture({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\nabc"});
  const auto begun = steady_clock::now();
  fixture.send({});
  CHECK(steady_clock::now() - begun < std::chrono::seconds(5));
}

TEST_CASE("A stop ends the wait for a receiver at once") {
  Fixture fixture({""});
  fixture.means.timeout = std::chrono::seconds(30);
  std::stop_source stop;
  const std::jthread stopper([&] {
    fixture.server.connections.wait(0);
    stop.request_stop();
  });
  const auto begun = steady_clock::now();
  const auto error = error_of([&] { return fixture.send({}, stop.get_token()), 0; });
  CHECK(steady_clock::now() - begun < std::chrono::seconds(10));
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::canceled);
}

TEST_CASE("Nobody there: the host is named, and nothing else of the URL") {
  std::string url;
  { url = ScriptedServer({}).url(std::string("/hook/") + kSecret); }
  Fixture fixture({});
  const auto error = error_of([&] {
    return Receiver(fixture.means, "NOTIFY_URL",
                    "http://user:" + std::string(kSecret) + "@" + url.substr(7))
               .send({}, {}),
           0;
  });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::transient);
  CHECK(contains(error->what(), "NOTIFY_URL: cannot connect to 127.0.0.1:"));
  CHECK_FALSE(contains(error->what(), kSecret));
  CHECK_FALSE(contains(error->what(), "user"));
  CHECK_FALSE(contains(fixture.log.text(), kSecret));
}

}  // namespace
}  // namespace pgbackup
