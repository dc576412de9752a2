#include "prune/page/page_server.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "common/base/error.h"
#include "common/codec/gzip.h"
#include "tests/support/fake_clock.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

struct Served {
  std::string make(const std::stop_token& stop) {
    ++made;
    while (is_blocked && !stop.stop_requested()) std::this_thread::yield();
    if (stop.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
    if (fails) throw Error(ErrorKind::transient, "no reply from s3://<b>/");
    return "<!-- banner -->page " + std::to_string(made);
  }
  /// Asks until there is a reply.
  StatusReply ask(bool takes_gzip = false) {
    std::optional<StatusReply> reply;
    while (!reply) {
      reply = server.answer({.path = "/", .takes_gzip = takes_gzip});
      std::this_thread::yield();
    }
    return *std::move(reply);
  }
  /// Asks as one who has waited for long enough.
  std::optional<StatusReply> ask_last() {
    return server.answer({.path = "/", .waited = kPageWait});
  }
  static std::string body(const StatusReply& reply) {
    return reply.shared_body == nullptr ? reply.body : *reply.shared_body;
  }

  FakeClock clock;
  TestLog log{clock};
  std::atomic<int> made = 0;
  std::atomic<bool> is_blocked = false;
  std::atomic<bool> fails = false;
  PageServer server{[this](const std::stop_token& stop) { return make(stop); }, clock, log.log()};
};

TEST_CASE("A page is made when somebody asks, and again when it is no longer fresh") {
  Served served;
  CHECK(served.made == 0);
  CHECK(contains(served.body(served.ask()), "page 1"));
  for (int i = 0; i < 1000; ++i) served.ask();
  CHECK(served.made == 1);
  served.clock.advance(kPageAge - seconds(1));
  CHECK(contains(served.body(served.ask()), "page 1"));
  served.clock.advance(seconds(1));
  CHECK(contains(served.body(served.ask()), "page 2"));
}

TEST_CASE("The page has the headers of one that runs and embeds nothing") {
  Served served;
  const StatusReply reply = served.ask();
  CHECK(reply.status == 200);
  CHECK(reply.content_type == "text/html; charset=utf-8");
  std::string headers;
  for (const auto& [name, value] : reply.headers) headers += name + ": " + value + "\n";
  CHECK(contains(headers, "Content-Security-Policy: default-src 'none'; style-src 'sha256-"));
  CHECK(contains(headers, "frame-ancestors 'none'"));
  CHECK(contains(headers, "X-Content-Type-Options: nosniff"));
  CHECK_FALSE(contains(headers, "Content-Encoding"));
}

TEST_CASE("Who takes gzip gets it") {
  Served served;
  const StatusReply reply = served.ask(true);
  StringSink plain;
  GunzipSink gunzip(plain);
  gunzip.write(*reply.shared_body);
  gunzip.finish();
  CHECK(plain.bytes == served.body(served.ask()));
}

TEST_CASE("One page is made at a time, however many ask, and those who waited long are told") {
  Served served;
  served.is_blocked = true;
  for (int i = 0; i < 1000; ++i) {
    CHECK_FALSE(served.server.answer({.path = "/", .waited = kPageWait - seconds(1)}));
  }
  while (served.made == 0) std::this_thread::yield();
  const auto notice = served.ask_last();
  REQUIRE(notice);
  CHECK(notice->status == 503);
  CHECK(contains(notice->body, "http-equiv=\"refresh\""));
  CHECK(served.made == 1);
  served.is_blocked = false;
  CHECK(contains(served.body(served.ask()), "page 1"));
}

TEST_CASE("While a new page is being made the last one is handed out, unless it is too old") {
  Served served;
  served.ask();
  served.is_blocked = true;
  served.clock.advance(kPageAge);
  CHECK_FALSE(served.server.answer({.path = "/"}));
  auto last = served.ask_last();
  REQUIRE(last);
  CHECK(contains(served.body(*last), "page 1"));
  served.clock.advance(kPageStale);
  last = served.ask_last();
  REQUIRE(last);
  CHECK(last->status == 503);
  served.is_blocked = false;
}

TEST_CASE(
    "A store that does not answer is told above the last page, and is not asked at once again") {
  Served served;
  served.fails = true;
  StatusReply reply = served.ask();
  CHECK(reply.status == 503);
  CHECK(contains(served.body(reply), "the store could not be read: no reply from s3://&lt;b&gt;/"));
  for (int i = 0; i < 100; ++i) served.ask();
  CHECK(served.made == 1);
  CHECK(contains(served.log.text(), "the status page could not be made cause=\"no reply"));
  served.fails = false;
  served.clock.advance(kPageAge);
  CHECK(contains(served.body(served.ask()), "page 2"));
  served.fails = true;
  served.clock.advance(kPageAge);
  reply = served.ask();
  CHECK(reply.status == 200);
  CHECK(contains(served.body(reply), "page 2"));
  CHECK(contains(served.body(reply), "role=\"alert\">At 2026-11-20"));
}

TEST_CASE("A page that takes too long is given up, and the end does not wait for one") {
  Served served;
  served.is_blocked = true;
  CHECK_FALSE(served.server.answer({.path = "/"}));
  while (served.made == 0) std::this_thread::yield();
  served.clock.advance(kPageTime + seconds(1));
  CHECK_FALSE(served.server.answer({.path = "/"}));  // asks it to stop
  CHECK(contains(served.body(served.ask()), "stopped on request"));
  served.clock.advance(kPageAge);
  CHECK_FALSE(served.server.answer({.path = "/"}));  // and it ends with the server
}

}  // namespace
}  // namespace pgbackup
