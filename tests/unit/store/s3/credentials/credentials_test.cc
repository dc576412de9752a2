#include "common/store/s3/credentials/credentials.h"

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// Hands out the keys K1, K2 ... that live for `life`, or fails.
struct Issuer {
  FakeClock& clock;
  std::optional<seconds> life = hours(1);
  std::optional<Error> failure = {};
  int calls = 0;

  CredentialFetch fetch() {
    return [this](const std::stop_token& /*stop*/) {
      ++calls;
      if (failure) throw Error(*failure);
      Credentials made = {.access_key = Secret("K" + std::to_string(calls)),
                          .secret_key = Secret("keep-this-quiet"),
                          .session_token = Secret("token"),
                          .source = "the test"};
      if (life) made.expires = clock.now() + *life;
      return made;
    };
  }
};

struct Fixture {
  FakeClock clock;
  TestLog log{clock};
  Issuer issuer{.clock = clock};
  CredentialKeeper keeper{issuer.fetch(), clock, log.log()};
  std::stop_source stop;

  std::string key() { return std::string(keeper.current(stop.get_token()).access_key.reveal()); }
};

const Error kAway(ErrorKind::transient, "the source is away");

TEST_CASE("The time of a renewal") {
  const UtcTime now{seconds(1'000'000'000)};
  CHECK(renewal_time(now, now + hours(6)) == now + hours(6) - minutes(15));
  CHECK(renewal_time(now, now + hours(1)) == now + minutes(45));
  CHECK(renewal_time(now, now + minutes(30)) == now + minutes(15));
  CHECK(renewal_time(now, now + minutes(15)) == now + minutes(7) + seconds(30));
  CHECK(renewal_time(now, now + seconds(10)) == now + seconds(5));
}

TEST_CASE_METHOD(Fixture,
                 "Credentials are asked for once and kept until 15 minutes before the end") {
  CHECK(key() == "K1");
  clock.advance(minutes(44));
  CHECK(key() == "K1");
  CHECK(issuer.calls == 1);
  clock.advance(minutes(2));
  CHECK(key() == "K2");
  CHECK(key() == "K2");
  CHECK(issuer.calls == 2);
  CHECK(contains(log.text(), "the test"));
  CHECK(contains(log.text(), "2026-11-20T04:15:00Z"));
  CHECK_FALSE(contains(log.text(), "keep-this-quiet"));
  CHECK_FALSE(contains(log.text(), "K1"));
}

TEST_CASE_METHOD(Fixture, "Credentials without an end are never renewed by the clock") {
  issuer.life.reset();
  CHECK(key() == "K1");
  clock.advance(hours(1000));
  CHECK(key() == "K1");
}

TEST_CASE_METHOD(Fixture, "While a renewal fails the old ones serve until they really end") {
  CHECK(key() == "K1");
  issuer.failure = kAway;
  clock.advance(minutes(46));
  for (int i = 0; i < 100; ++i) CHECK(key() == "K1");
  CHECK(issuer.calls == 2);  // once a minute
  clock.advance(minutes(1));
  CHECK(key() == "K1");
  CHECK(issuer.calls == 3);
  CHECK(contains(log.text(), "the source is away"));
  clock.advance(minutes(13));
  CHECK(fails_with(ErrorKind::transient, "the source is away", [&] { return key(); }));
  CHECK(fails_with(ErrorKind::transient, "the source is away", [&] { return key(); }));
  issuer.failure.reset();
  CHECK(key() == "K6");  // at once: nothing holds
}

TEST_CASE("A source that hands out the same again is asked once a minute") {
  FakeClock clock;
  TestLog log(clock);
  int calls = 0;
  const UtcTime end = clock.now() + hours(1);
  CredentialKeeper keeper(
      [&](const std::stop_token& /*stop*/) {
        ++calls;
        return Credentials{.access_key = Secret("A"), .secret_key = Secret("S"), .expires = end};
      },
      clock, log.log());
  static_cast<void>(keeper.current({}));
  for (int i = 0; i < 3600; i += 10) {
    static_cast<void>(keeper.current({}));
    clock.advance(seconds(10));
  }
  CHECK(calls > 2);
  CHECK(calls < 17);
}

TEST_CASE_METHOD(Fixture, "Credentials of a short life are renewed in its midst, each time") {
  issuer.life = seconds(10);
  CHECK(key() == "K1");
  clock.advance(seconds(5));
  CHECK(key() == "K2");
  clock.advance(seconds(5));
  CHECK(key() == "K3");
}

TEST_CASE_METHOD(Fixture, "Credentials that are over when they come are none") {
  issuer.life = seconds(0);
  CHECK(fails_with(ErrorKind::denied, "expired at 2026-11-20T03:15:00Z", [&] { return key(); }));
  issuer.life = hours(1);
  CHECK(key() == "K2");
  issuer.life = seconds(-5);
  clock.advance(minutes(50));
  CHECK(key() == "K2");
}

TEST_CASE_METHOD(Fixture, "What the store refuses is renewed, once for all who hold it") {
  const Credentials old = keeper.current(stop.get_token());
  CHECK(keeper.renew(old, stop.get_token()));
  CHECK(key() == "K2");
  CHECK(keeper.renew(old, stop.get_token()));  // as a second thread with the old ones
  CHECK(issuer.calls == 2);
  issuer.failure = kAway;
  const Credentials second = keeper.current(stop.get_token());
  CHECK(fails_with(ErrorKind::transient, "away",
                   [&] { return keeper.renew(second, stop.get_token()); }));
  CHECK(key() == "K2");
}

TEST_CASE("A source that has nothing else to give is no reason for a repeat") {
  FakeClock clock;
  TestLog log(clock);
  CredentialKeeper fixed(Credentials{.access_key = Secret("A"), .secret_key = Secret("S")}, clock,
                         log.log());
  const Credentials used = fixed.current({});
  CHECK(used.access_key.reveal() == "A");
  CHECK_FALSE(fixed.renew(used, {}));
  CredentialKeeper same(
      [](const std::stop_token& /*stop*/) {
        return Credentials{.access_key = Secret("A"), .secret_key = Secret("S")};
      },
      clock, log.log());
  CHECK_FALSE(same.renew(same.current({}), {}));
  CHECK(log.text().empty());
}

/// A source that waits in its call until it is let go.
struct SlowIssuer {
  FakeClock& clock;
  std::latch entered{1};
  std::latch released{1};
  std::atomic<int> calls{0};
  std::optional<Error> failure = {};

  Credentials issue() {
    const int number = ++calls;
    if (number == 2) {
      entered.count_down();
      released.wait();
      if (failure) throw Error(*failure);
    }
    return {.access_key = Secret("K" + std::to_string(number)),
            .secret_key = Secret("S"),
            .expires = clock.now() + hours(1)};
  }
};

TEST_CASE("One thread renews, the others go on with the old ones meanwhile") {
  FakeClock clock;
  TestLog log(clock);
  SlowIssuer issuer{.clock = clock};
  CredentialKeeper keeper([&](const std::stop_token& /*stop*/) { return issuer.issue(); }, clock,
                          log.log());
  CHECK(keeper.current({}).access_key.reveal() == "K1");
  clock.advance(minutes(50));
  std::string renewed;
  std::jthread renewing([&] { renewed = keeper.current({}).access_key.reveal(); });
  issuer.entered.wait();
  for (int i = 0; i < 10; ++i) CHECK(keeper.current({}).access_key.reveal() == "K1");
  CHECK(issuer.calls == 2);
  issuer.released.count_down();
  renewing.join();
  CHECK(renewed == "K2");
}

TEST_CASE("Without any that hold all threads wait for the one that asks") {
  FakeClock clock;
  TestLog log(clock);
  SlowIssuer issuer{.clock = clock};
  CredentialKeeper keeper([&](const std::stop_token& /*stop*/) { return issuer.issue(); }, clock,
                          log.log());
  static_cast<void>(keeper.current({}));
  clock.advance(hours(2));
  std::atomic<int> served{0};
  std::atomic<int> refused{0};
  const auto ask = [&] {
    try {
      if (keeper.current({}).access_key.reveal() == "K2") ++served;
    } catch (const Error&) {
      ++refused;
    }
  };
  SECTION("and get what it got") {
    std::vector<std::jthread> threads(8);
    for (std::jthread& thread : threads) thread = std::jthread(ask);
    issuer.entered.wait();
    issuer.released.count_down();
    for (std::jthread& thread : threads) thread.join();
    CHECK(served == 8);
    CHECK(issuer.calls == 2);
  }
  SECTION("and can be stopped meanwhile") {
    std::jthread asking(ask);
    issuer.entered.wait();
    std::stop_source stop;
    std::jthread waiting([&] {
      CHECK(fails_with(ErrorKind::canceled, "credentials",
                       [&] { return keeper.current(stop.get_token()); }));
    });
    stop.request_stop();
    waiting.join();
    issuer.released.count_down();
  }
}

TEST_CASE("However many are refused, the source is asked by one at a time") {
  FakeClock clock;
  TestLog log(clock);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  // Has nothing else to give, so each of them asks.
  const auto issue = [&](const std::stop_token& /*stop*/) {
    most = std::max(most.load(), ++inside);
    for (int i = 0; i < 2000 && inside < 2; ++i) std::this_thread::yield();
    --inside;
    return Credentials{.access_key = Secret("A"), .secret_key = Secret("S")};
  };
  CredentialKeeper keeper(issue, clock, log.log());
  const Credentials refused = keeper.current({});
  std::vector<std::jthread> threads(6);
  for (std::jthread& thread : threads) {
    thread = std::jthread([&] { static_cast<void>(keeper.renew(refused, {})); });
  }
  for (std::jthread& thread : threads) thread.join();
  CHECK(most == 1);
}

/// The key that a second thread gets which waits while the first is stopped.
std::string key_beside_a_stopped_thread() {
  FakeClock clock;
  TestLog log(clock);
  SlowIssuer issuer{.clock = clock};
  issuer.failure = Error(ErrorKind::canceled, "stopped");
  CredentialKeeper keeper([&](const std::stop_token& /*stop*/) { return issuer.issue(); }, clock,
                          log.log());
  static_cast<void>(keeper.current({}));
  clock.advance(hours(2));
  std::jthread stopped([&] { static_cast<void>(error_of([&] { return keeper.current({}); })); });
  issuer.entered.wait();
  std::latch running{1};
  std::string got;
  std::jthread waiting([&] {
    running.count_down();
    const auto error = error_of([&] { got = keeper.current({}).access_key.reveal(); });
    if (error) got = error->message();
  });
  running.wait();
  for (int i = 0; i < 100; ++i) std::this_thread::yield();
  issuer.released.count_down();
  stopped.join();
  waiting.join();
  return got;
}

// Nothing shows that the second thread waits already, so it is given many chances.
TEST_CASE("Who waits for a thread that is stopped asks for itself") {
  for (int round = 0; round < 50; ++round) REQUIRE(key_beside_a_stopped_thread() == "K3");
}

}  // namespace
}  // namespace pgbackup
