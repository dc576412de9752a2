#include "common/http/retry.h"

#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("The wait doubles up to its limit, times a random share") {
  const RetryLimits limits;
  CHECK(backoff(limits, 0, 0.0) == milliseconds(0));
  CHECK(backoff(limits, 0, 0.5) == milliseconds(100));
  CHECK(backoff(limits, 1, 0.5) == milliseconds(200));
  CHECK(backoff(limits, 6, 0.5) == milliseconds(6400));
  CHECK(backoff(limits, 7, 0.5) == milliseconds(10'000));
  CHECK(backoff(limits, 1'000'000, 0.5) == milliseconds(10'000));
  CHECK(backoff(limits, 3, 0.999) < milliseconds(1600));
}

class Fixture {
 public:
  FakeClock clock;
  TestLog log{clock};
  Outage outage;
  RequestCounter counter;
  std::stop_source stop;

  Retrier retrier(const RetryLimits& limits = {}) {
    return {limits, {clock, log.log(), outage, &counter}, stop.get_token()};
  }
};

TEST_CASE_METHOD(Fixture, "A passing failure is tried again until it succeeds") {
  std::vector<int> numbers;
  const int result = retrier().run([&](Attempt& attempt) {
    numbers.push_back(attempt.number);
    if (attempt.number < 4) throw Error(ErrorKind::transient, "PUT s3://b/k: 503 SlowDown");
    return 7;
  });
  CHECK(result == 7);
  CHECK(numbers == std::vector{1, 2, 3, 4});
  for (const auto* part : {"trying again", "503 SlowDown", "attempt=3", "wait="}) {
    CHECK(contains(log.text(), part));
  }
  CHECK(counter.counts().retries == std::map<std::string_view, uint64_t>{{"no_reply", 3}});
}

TEST_CASE_METHOD(Fixture, "The first wait is the shortest") {
  for (int row = 0; row < 20; ++row) {  // each with a random share of the longest wait
    const auto begin = clock.steady();
    retrier().run([&](Attempt& attempt) {
      if (attempt.number == 1) throw Error(ErrorKind::transient, "503");
    });
    CHECK(clock.steady() - begin <= milliseconds(200));
  }
}

TEST_CASE_METHOD(Fixture, "Only transient errors are tried again") {
  for (const ErrorKind kind :
       {ErrorKind::usage, ErrorKind::not_found, ErrorKind::denied, ErrorKind::conflict,
        ErrorKind::corrupt, ErrorKind::canceled, ErrorKind::failed}) {
    int attempts = 0;
    try {
      retrier().run([&](Attempt& /*attempt*/) {
        ++attempts;
        throw Error(kind, "no");
      });
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.kind() == kind);
      CHECK(error.message() == "no");
    }
    CHECK(attempts == 1);
  }
}

TEST_CASE_METHOD(Fixture, "Time alone bounds the attempts") {
  const auto begin = clock.steady();
  int attempts = 0;
  try {
    retrier().run([&](Attempt& /*attempt*/) {
      ++attempts;
      throw Error(ErrorKind::transient, "503", "wait");
    });
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::transient);
    CHECK(contains(error.message(), "gave up after"));
    CHECK(error.hint() == "wait");
  }
  CHECK(clock.steady() - begin == minutes(15));
  CHECK(attempts > 45);  // 20 s is the longest wait
}

TEST_CASE_METHOD(Fixture, "A long first attempt leaves the whole time for repeats") {
  int attempts = 0;
  retrier().run([&](Attempt& /*attempt*/) {
    clock.advance(minutes(20));  // a part on a slow line
    if (++attempts == 1) throw Error(ErrorKind::transient, "reset");
  });
  CHECK(attempts == 2);
}

TEST_CASE_METHOD(Fixture, "A limit of zero allows one attempt") {
  int attempts = 0;
  CHECK_THROWS_WITH(retrier({.total = milliseconds(0)}).run([&](Attempt& /*attempt*/) {
    ++attempts;
    throw Error(ErrorKind::transient, "503");
  }),
                    "503");
  CHECK(attempts == 1);
}

TEST_CASE_METHOD(Fixture, "The server's Retry-After is kept, but not beyond the limit") {
  std::vector<std::chrono::steady_clock::time_point> times;
  const auto attempt_with = [&](seconds wish) {
    times.clear();
    retrier().run([&](Attempt& attempt) {
      times.push_back(clock.steady());
      CHECK_FALSE(attempt.retry_after);  // a wish holds for one wait
      if (attempt.number > 1) return;
      attempt.retry_after = wish;
      throw Error(ErrorKind::transient, "503");
    });
    return times.at(1) - times.at(0);
  };
  CHECK(attempt_with(seconds(30)) == seconds(30));
  CHECK(attempt_with(seconds(36'000)) == minutes(15));
}

TEST_CASE_METHOD(Fixture, "A stop ends the row") {
  int attempts = 0;
  try {
    retrier().run([&](Attempt& /*attempt*/) {
      ++attempts;
      stop.request_stop();
      throw Error(ErrorKind::transient, "503");
    });
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::canceled);
    CHECK(contains(error.message(), "503"));
  }
  CHECK(attempts == 1);
}

}  // namespace
}  // namespace pgbackup
