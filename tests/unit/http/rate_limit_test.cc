#include "common/http/rate_limit.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/http/transport.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_server.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How long `call` takes by the clock that the limit waits by.
template <class Call>
milliseconds time_of(const FakeClock& clock, const Call& call) {
  const auto begun = clock.steady();
  call();
  return std::chrono::duration_cast<milliseconds>(clock.steady() - begun);
}

TEST_CASE("Bytes take the time that the rate gives them, in steps of any size") {
  for (const size_t step : {1'000'000U, 65'536U, 1000U, 7U}) {
    FakeClock clock;
    RateLimit limit(1'000'000, clock);
    const milliseconds taken = time_of(clock, [&] {
      for (size_t sent = 0; sent < 1'000'000; sent += step) limit.send(step, {});
    });
    CHECK(taken >= milliseconds(999));
    CHECK(taken <= milliseconds(2000));
  }
}

TEST_CASE("Each direction has the whole rate, and idle time is not saved up") {
  FakeClock clock;
  RateLimit limit(1000, clock);
  CHECK(time_of(clock, [&] { limit.send(1000, {}); }) == seconds(1));
  CHECK(time_of(clock, [&] { limit.receive(1000, {}); }) == seconds(1));
  clock.advance(seconds(60));
  CHECK(time_of(clock, [&] { limit.send(1000, {}); }) == seconds(1));
}

TEST_CASE("Threads share one rate") {
  constexpr size_t kThreads = 4;
  FakeClock clock;
  RateLimit limit(1'000'000, clock);
  const milliseconds taken = time_of(clock, [&] {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int sent = 0; sent < 20; ++sent) limit.send(50'000, {});
      });
    }
  });
  CHECK(taken >= seconds(kThreads));
}

TEST_CASE("Without a rate nothing waits and nothing is cut in steps") {
  FakeClock clock;
  RateLimit limit(0, clock);
  CHECK(time_of(clock, [&] { limit.send(size_t{1} << 40U, {}); }) == milliseconds(0));
  CHECK(limit.step(123'456'789) == 123'456'789);
  RateLimit slow(80'000, clock);
  CHECK(slow.step(1'000'000) == 10'000);
  CHECK(slow.step(5) == 5);
  CHECK(RateLimit(1, clock).step(100) == 1);
}

TEST_CASE("A stop ends the wait") {
  SystemClock clock;
  RateLimit limit(1, clock);
  std::stop_source stop;
  stop.request_stop();
  const auto begun = clock.steady();
  limit.send(3600, stop.get_token());
  CHECK(clock.steady() - begun < seconds(60));
}

HttpResponse whole(Transport& transport, const HttpRequest& request) {
  HttpResponse response = transport.start(request, {});
  response.body = transport.read_rest();
  return response;
}

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST_CASE("Two connections together send no faster than the rate") {
  const std::string body(1'000'000, 'x');
  FakeClock clock;
  RateLimit limit(2'000'000, clock);
  const milliseconds taken = time_of(clock, [&] {
    for (int i = 0; i < 2; ++i) {
      ScriptedServer server({ok("")});
      CurlTransport transport("");
      static_cast<void>(whole(
          transport, {.method = "PUT", .url = server.url(), .body = body, .rate_limit = &limit}));
    }
  });
  CHECK(taken >= milliseconds(990));
  CHECK(taken < milliseconds(1500));
}

// libcurl 8.22 and 8.23 keep no receive limit of theirs once a transfer was paused, which a reader
// that takes small bites makes happen.
TEST_CASE("A download whose transfer is paused is no faster than the rate") {
  const std::string body(8'000'000, 'x');
  FakeClock clock;
  RateLimit limit(2'000'000, clock);
  ScriptedServer server({ok(body)});
  CurlTransport transport("");
  size_t received = 0;
  const milliseconds taken = time_of(clock, [&] {
    static_cast<void>(
        transport.start({.method = "GET", .url = server.url(), .rate_limit = &limit}, {}));
    std::vector<char> buffer(1000);
    while (const size_t got = transport.read(buffer)) received += got;
  });
  CHECK(received == body.size());
  CHECK(taken >= milliseconds(3990));
  CHECK(taken < milliseconds(4500));
}

}  // namespace
}  // namespace pgbackup
