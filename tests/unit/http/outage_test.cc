#include "common/http/outage.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "common/http/retry.h"
#include "tests/support/fake_clock.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

TEST_CASE("Nobody waits while all is well") {
  Outage outage;
  Outage::Row one(outage);
  Outage::Row two(outage);
  CHECK(one.may_enter());
  CHECK(two.may_enter());
  one.succeed();
  CHECK(two.may_enter());
  CHECK_FALSE(outage.is_on());
}

TEST_CASE("The first row to fail probes, the others wait until one succeeds") {
  Outage outage;
  Outage::Row one(outage);
  Outage::Row two(outage);
  Outage::Row three(outage);
  one.fail();
  two.fail();
  CHECK(outage.is_on());
  CHECK(one.may_enter());
  CHECK_FALSE(two.may_enter());
  CHECK_FALSE(three.may_enter());
  SECTION("the one that probes") { one.succeed(); }
  SECTION("one that was on its way") { three.succeed(); }
  CHECK_FALSE(outage.is_on());
  CHECK(two.may_enter());
  CHECK(three.may_enter());
}

TEST_CASE("When the one that probes gives up, the next takes over") {
  Outage outage;
  std::optional<Outage::Row> one(std::in_place, outage);
  Outage::Row two(outage);
  Outage::Row three(outage);
  one->fail();
  std::jthread end([&] { one.reset(); });
  CHECK(two.enter({}));  // waits for the end, without a clock
  CHECK(outage.is_on());
  CHECK_FALSE(three.may_enter());
}

TEST_CASE("A row that waits can be stopped") {
  Outage outage;
  Outage::Row one(outage);
  Outage::Row two(outage);
  one.fail();
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  CHECK_FALSE(two.enter(stop.get_token()));
}

TEST_CASE("A single attempt waits for nobody") {
  FakeClock clock;
  TestLog log(clock);
  Outage outage;
  Outage::Row one(outage);
  one.fail();
  const RetryLimits single{.total = std::chrono::milliseconds(0)};
  CHECK(Retrier(single, {clock, log.log(), outage}, {}).run([](Attempt& /*attempt*/) {
    return 7;
  }) == 7);
}

TEST_CASE("Of many rows in an outage one is at work at a time, until all may go on") {
  constexpr int kThreads = 8;
  // A row makes at least 9 attempts in a minute; those that have waited so long make one.
  constexpr int kFailures = 12;
  FakeClock clock;
  TestLog log(clock);
  Outage outage;
  std::optional<Outage::Row> first(std::in_place, outage);
  first->fail();
  std::atomic<int> attempts = 0;
  std::atomic<int> at_work = 0;
  std::atomic<int> most = 0;
  std::atomic<int> done = 0;
  std::atomic<int> gave_up = 0;
  const auto body = [&](Attempt& /*attempt*/) {
    const int now = ++at_work;
    const bool fails = ++attempts <= kFailures;
    if (fails && now > most) most = now;
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();  // room for those that must not come
    --at_work;
    if (fails) throw Error(ErrorKind::transient, "503");
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      try {
        const RetryLimits limits{.total = std::chrono::minutes(1)};
        Retrier(limits, {clock, log.log(), outage}, {}).run(body);
        ++done;
      } catch (const Error&) {
        ++gave_up;
      }
    });
  }
  CHECK(attempts == 0);
  first.reset();
  threads.clear();
  CHECK(most == 1);
  CHECK(done >= 1);
  CHECK(done + gave_up == kThreads);
  CHECK_FALSE(outage.is_on());
}

}  // namespace
}  // namespace pgbackup
