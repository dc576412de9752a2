#include "common/service/courier.h"

#include <atomic>
#include <semaphore>
#include <stdexcept>
#include <vector>

#include "common/base/error.h"
#include "tests/support/fake_clock.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

Letter letter(const std::string& job, bool is_start = false) {
  return {.is_start = is_start, .report = {.job = job}};
}

/// A courier whose first letter waits until the test lets it go.
struct Fixture {
  bool is_done() { return courier.wait(steady_clock::now() + seconds(10), {}); }

  FakeClock clock;
  TestLog log{clock};
  std::binary_semaphore begun{0};
  std::binary_semaphore go{0};
  std::vector<std::string> handed;
  Courier courier{[this](const Letter& one, const std::stop_token&) {
                    const bool is_first = handed.empty();
                    handed.push_back(one.report.job);
                    if (!is_first) return;
                    begun.release();
                    go.acquire();
                  },
                  log.log()};
};

TEST_CASE("Of what waits the newest counts: an end replaces all, a start the start") {
  struct Row {
    std::vector<Letter> posted;
    std::vector<std::string> handed;
  };
  std::vector<Row> rows;
  const auto add = [&](const std::vector<std::string>& posted, std::vector<std::string> handed) {
    Row& row = rows.emplace_back();
    for (const std::string& one : posted) row.posted.push_back(letter(one, one[0] == 's'));
    row.handed = std::move(handed);
  };
  add({"e1"}, {"e1"});
  add({"s1"}, {"s1"});
  add({"s1", "e1"}, {"e1"});
  add({"e1", "s2"}, {"e1", "s2"});
  add({"e1", "s2", "e2"}, {"e2"});
  add({"e1", "s2", "s3"}, {"e1", "s3"});
  add({"s1", "s2", "s3"}, {"s3"});
  add({"e1", "e2", "e3"}, {"e3"});
  for (Row& row : rows) {
    Fixture fixture;
    fixture.courier.post(letter("first"));
    fixture.begun.acquire();
    for (Letter& one : row.posted) fixture.courier.post(std::move(one));
    fixture.go.release();
    REQUIRE(fixture.is_done());
    row.handed.insert(row.handed.begin(), "first");
    CHECK(fixture.handed == row.handed);
  }
}

TEST_CASE("Whatever the hand throws is a warning, and the next letter is handed over") {
  const FakeClock clock;
  TestLog log(clock);
  std::atomic<int> count = 0;
  {
    Courier courier(
        [&](const Letter& one, const std::stop_token&) {
          ++count;
          if (one.report.job == "error") throw Error(ErrorKind::failed, "X_URL: no", "look");
          if (one.report.job == "odd") throw std::runtime_error("odd");
          if (one.report.job == "number") throw 7;
          if (one.report.job == "stop") throw Error(ErrorKind::canceled, "stopped");
        },
        log.log());
    for (const auto* const job : {"error", "odd", "number", "stop", "well"}) {
      courier.post(letter(job));
      REQUIRE(courier.wait(steady_clock::now() + seconds(10), {}));
    }
  }
  CHECK(count == 5);
  CHECK(contains(log.text(), "warn  a report was not delivered cause=\"X_URL: no\" hint=look\n"));
  CHECK(contains(log.text(), "warn  a report was not delivered cause=\"unexpected error: odd\"\n"));
  CHECK_FALSE(contains(log.text(), "stopped"));
}

TEST_CASE("To post waits for nobody, and the end gives up what hangs") {
  FakeClock clock;
  TestLog log(clock);
  const auto begun = steady_clock::now();
  {
    SystemClock real;
    std::atomic<bool> is_handed = false;
    Courier courier(
        [&](const Letter&, const std::stop_token& stop) {
          is_handed = true;
          real.sleep(seconds(60), stop);
        },
        log.log());
    CHECK(courier.wait(steady_clock::now(), {}));  // nothing was posted
    courier.post(letter("a"));
    while (!is_handed) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) courier.post(letter("b"));
    CHECK_FALSE(courier.wait(steady_clock::now() + milliseconds(50), {}));
    std::stop_source stop;
    stop.request_stop();
    CHECK_FALSE(courier.wait(steady_clock::now() + seconds(60), stop.get_token()));
  }
  CHECK(steady_clock::now() - begun < seconds(10));
}

}  // namespace
}  // namespace pgbackup
