#include "common/http/transport.h"

#include <string>
#include <thread>
#include <vector>

#include "common/base/error.h"
#include "tests/support/scripted_server.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

HttpResponse exchange(Transport& transport, const HttpRequest& request,
                      const std::stop_token& stop = {}) {
  HttpResponse response = transport.start(request, stop);
  response.body = transport.read_rest();
  return response;
}

Error error_of(const HttpRequest& request, const std::stop_token& stop = {}) {
  CurlTransport transport("");
  try {
    static_cast<void>(exchange(transport, request, stop));
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error");
  return {ErrorKind::failed, ""};
}

TEST_CASE("A request goes out as it was given, without what breaks signatures or waits") {
  ScriptedServer server({ok("")});
  CurlTransport transport("");
  const std::string body(3'000'000, 'x');
  const HttpResponse response = exchange(transport, {.method = "PUT",
                                                     .url = server.url("/a/../b//%20c?x=%2F"),
                                                     .headers = {{"x-amz-date", "d"}},
                                                     .body = body});
  CHECK(response.status == 200);
  server.end();
  REQUIRE(server.requests.size() == 1);
  const std::string& request = server.requests[0];
  CHECK(request.starts_with("PUT /a/../b//%20c?x=%2F HTTP/1.1\r\n"));
  CHECK(contains(request, "\r\nx-amz-date: d\r\n"));
  CHECK(contains(request, "\r\nContent-Length: 3000000\r\n"));
  CHECK_FALSE(contains(request, "Expect"));
  CHECK_FALSE(contains(request, "Accept-Encoding"));
  CHECK_FALSE(contains(request, "Transfer-Encoding"));
  CHECK(request.ends_with("\r\n\r\n" + body));
}

TEST_CASE("Methods carry the body and length that they should") {
  ScriptedServer server({ok("posted"), "HTTP/1.1 204 No Content\r\n\r\n",
                         "HTTP/1.1 404 Not Found\r\nContent-Length: 500\r\n\r\n", ok("got")});
  CurlTransport transport("");
  CHECK(exchange(transport, {.method = "POST", .url = server.url()}).body == "posted");
  CHECK(exchange(transport, {.method = "DELETE", .url = server.url()}).status == 204);
  const HttpResponse head = exchange(transport, {.method = "HEAD", .url = server.url()});
  CHECK(head.status == 404);
  CHECK(head.header("content-length") == "500");
  CHECK(head.body.empty());
  CHECK(exchange(transport, {.method = "GET", .url = server.url()}).body == "got");
  server.end();
  CHECK(server.requests[0].starts_with("POST "));
  CHECK(contains(server.requests[0], "Content-Length: 0"));
  CHECK(server.requests[1].starts_with("DELETE "));
  CHECK(server.requests[2].starts_with("HEAD "));
  CHECK(server.connections == 1);  // kept
}

TEST_CASE("A fresh connection is one") {
  ScriptedServer server({ok(""), ok("")});
  CurlTransport transport("");
  static_cast<void>(exchange(transport, {.method = "GET", .url = server.url()}));
  HttpRequest again{.method = "GET", .url = server.url(), .timeout = milliseconds(200)};
  again.fresh_connection = true;
  CHECK_THROWS_AS(exchange(transport, again), Error);  // the server is busy with the kept one
}

TEST_CASE("A redirect is an answer, not followed") {
  ScriptedServer server(
      {"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n"
       "X-Two:  words here \r\nContent-Length: 4\r\n\r\nbody"});
  CurlTransport transport("");
  const HttpResponse response = exchange(transport, {.method = "GET", .url = server.url()});
  CHECK(response.status == 307);
  CHECK(response.header("x-two") == "words here");
  CHECK(response.header("absent").empty());
  CHECK(response.body == "body");
}

TEST_CASE("An interim reply is not the reply") {
  ScriptedServer server({"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n" + ok("x")});
  CurlTransport transport("");
  const HttpResponse response = exchange(transport, {.method = "GET", .url = server.url()});
  CHECK(response.status == 200);
  CHECK(response.header("x-early").empty());
}

TEST_CASE("A long body arrives whole through small and large reads") {
  std::string body;
  for (int i = 0; body.size() < 5'000'000; ++i) body += std::to_string(i);
  for (const size_t step : {size_t{1000}, size_t{524'288}}) {
    ScriptedServer server({ok(body)});
    CurlTransport transport("");
    static_cast<void>(transport.start({.method = "GET", .url = server.url()}, {}));
    std::string got;
    std::vector<char> buffer(step);
    while (const size_t count = transport.read(buffer)) got.append(buffer.data(), count);
    CHECK((got == body));
    CHECK(transport.read(buffer) == 0);
  }
}

TEST_CASE("What the network does to an exchange is transient") {
  SECTION("nobody listens") {
    std::string url;
    { url = ScriptedServer({}).url(); }
    const Error error = error_of({.method = "GET", .url = url});
    CHECK(error.kind() == ErrorKind::transient);
    CHECK(contains(error.message(), "cannot connect to 127.0.0.1:"));
  }
  SECTION("the name is unknown") {
    const Error error = error_of({.method = "GET", .url = "http://no-such-host.invalid/"});
    CHECK(error.kind() == ErrorKind::transient);
    CHECK(contains(error.message(), "no-such-host.invalid"));
  }
  for (const auto* reply :
       {kHangUp, "HTTP/1.1 200 OK\r\nConnection: close\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n5\r\nshort"}) {
    DYNAMIC_SECTION("the reply breaks off: " << reply) {
      ScriptedServer server({reply});
      const Error error = error_of({.method = "GET", .url = server.url()});
      CHECK(error.kind() == ErrorKind::transient);
      CHECK(contains(error.message(), "127.0.0.1:"));
    }
  }
  SECTION("nothing comes in time") {
    ScriptedServer server({""});
    CHECK(error_of({.method = "GET", .url = server.url(), .timeout = milliseconds(50)}).kind() ==
          ErrorKind::transient);
  }
}

TEST_CASE(
    "A connection that is lost while the body goes out is transient, or its refusal is read") {
  const std::string body(8'000'000, 'x');
  SECTION("reset") {
    ScriptedServer server({std::string(kEarly)});
    CHECK(error_of({.method = "PUT", .url = server.url(), .body = body}).kind() ==
          ErrorKind::transient);
  }
  SECTION("refused before all of it was read") {
    ScriptedServer server(
        {std::string(kEarly) + "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n"});
    CurlTransport transport("");
    try {
      const int status =
          exchange(transport, {.method = "PUT", .url = server.url(), .body = body}).status;
      CHECK(status == 503);
    } catch (const Error& error) {  // where the reset overtakes the reply
      CHECK(error.kind() == ErrorKind::transient);
    }
  }
}

TEST_CASE("A server that goes silent is given up after the stall limit") {
  ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.", ""});
  const auto begun = steady_clock::now();
  const Error error = error_of({.method = "GET", .url = server.url(), .stall = seconds(1)});
  CHECK(error.kind() == ErrorKind::transient);
  CHECK(steady_clock::now() - begun < seconds(10));
}

TEST_CASE("Only http and https are spoken") {
  for (const auto* url : {"ftp://127.0.0.1/", "file:///etc/passwd", "nonsense://x/", ""}) {
    CAPTURE(url);
    CHECK(error_of({.method = "GET", .url = url}).kind() == ErrorKind::failed);
  }
}

TEST_CASE("A file of certificates that does not exist is told with its setting") {
  CurlTransport transport("/no/such/file.pem");
  ScriptedServer server({""});
  try {
    static_cast<void>(exchange(
        transport,
        {.method = "GET", .url = "https" + server.url().substr(4), .timeout = seconds(5)}));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::failed);
    CHECK(contains(error.hint(), "S3_CA_FILE"));
  }
}

TEST_CASE("A proxy is asked, unless the request is to go directly") {
  ScriptedServer proxy({ok("from the proxy")});
  ScriptedServer server({ok("directly")});
  setenv("http_proxy", proxy.url("").c_str(), 1);
  CurlTransport transport("");
  CHECK(exchange(transport, {.method = "GET", .url = "http://s3.invalid/k"}).body ==
        "from the proxy");
  const HttpRequest direct = {.method = "GET", .url = server.url(), .is_direct = true};
  CHECK(exchange(transport, direct).body == "directly");
  unsetenv("http_proxy");
  proxy.end();
  REQUIRE(proxy.requests.size() == 1);
  CHECK(proxy.requests[0].starts_with("GET http://s3.invalid/k HTTP/1.1"));
}

TEST_CASE("A stop ends a running exchange at once") {
  ScriptedServer server({""});
  std::stop_source stop;
  const auto begin = steady_clock::now();
  std::jthread stopper([&] { stop.request_stop(); });
  CHECK(error_of({.method = "GET", .url = server.url()}, stop.get_token()).kind() ==
        ErrorKind::canceled);
  CHECK(steady_clock::now() - begin < seconds(1));
}

TEST_CASE("A reply without measure is not taken into memory") {
  ScriptedServer server({ok(std::string(100'000, 'x'))});
  CurlTransport transport("");
  static_cast<void>(transport.start({.method = "GET", .url = server.url()}, {}));
  CHECK_THROWS_AS(transport.read_rest(50'000), Error);

  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 1000; ++i) head += "X-Filler: " + std::string(200, 'x') + "\r\n";
  ScriptedServer chatty({head + "\r\n"});
  CHECK(error_of({.method = "GET", .url = chatty.url()}).kind() == ErrorKind::corrupt);
}

TEST_CASE("A transport goes on after a failed exchange") {
  ScriptedServer server(
      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nshort", ok("whole")});
  CurlTransport transport("");
  CHECK_THROWS_AS(exchange(transport, {.method = "GET", .url = server.url()}), Error);
  CHECK(exchange(transport, {.method = "GET", .url = server.url()}).body == "whole");
}

TEST_CASE("A length is digits only") {
  CHECK(parse_size("0") == 0U);
  CHECK(parse_size("5368709120") == 5368709120U);
  for (const auto* text : {"", "-1", "+1", " 1", "1 ", "1k", "0x1", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
  }
}

}  // namespace
}  // namespace pgbackup
