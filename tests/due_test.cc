#include "common/base/due.h"

#include "tests/test.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr UtcTime kNow{seconds(1'800'000'000)};

Schedule every(seconds interval) { return Schedule::every(interval); }

TEST_CASE("A start runs at once unless a complete backup is younger than the interval") {
  CHECK(first_start(std::nullopt, every(hours(24)), kNow) == kNow);
  CHECK(first_start(kNow - hours(25), every(hours(24)), kNow) == kNow);
  CHECK(first_start(kNow - hours(24), every(hours(24)), kNow) == kNow);
  CHECK(first_start(kNow - hours(23), every(hours(24)), kNow) == kNow + hours(1));
  CHECK(first_start(kNow, every(hours(24)), kNow) == kNow + hours(24));
}

TEST_CASE("A backup dated in the future does not keep the daemon from running") {
  CHECK(first_start(kNow + hours(1000), every(hours(24)), kNow) == kNow);
}

TEST_CASE("After a success the next run is due from start to start") {
  CHECK(start_after_success(kNow - minutes(10), every(hours(1)), kNow) == kNow + minutes(50));
  CHECK(start_after_success(kNow - hours(2), every(hours(1)), kNow) == kNow);
}

TEST_CASE("After failures the waits double up to an hour") {
  const std::vector<int> wanted = {1, 2, 4, 8, 16, 32, 60, 60};
  for (int failures = 1; failures <= 8; ++failures) {
    CAPTURE(failures);
    CHECK(start_after_failure(failures, kNow, every(hours(240)), kNow) ==
          kNow + minutes(wanted[static_cast<size_t>(failures) - 1]));
  }
  CHECK(start_after_failure(1000, kNow, every(hours(240)), kNow) == kNow + minutes(60));
}

TEST_CASE("A retry is not later than the next regular run") {
  CHECK(start_after_failure(7, kNow, every(minutes(30)), kNow + minutes(10)) == kNow + minutes(30));
}

TEST_CASE("A run that failed after the next one was due still waits") {
  CHECK(start_after_failure(1, kNow, every(minutes(30)), kNow + hours(2)) ==
        kNow + hours(2) + minutes(1));
}

TEST_CASE("Failures of many runs never make the waits longer than the period") {
  CHECK(start_after_failure(20, kNow, every(seconds(10)), kNow + hours(2)) ==
        kNow + hours(2) + seconds(10));
}

TEST_CASE("Late is who is behind by a twelfth of the period, within 5 minutes and 2 hours") {
  struct {
    seconds period;
    seconds grace;
  } const table[] = {
      {seconds(10), minutes(5)}, {hours(1), minutes(5)}, {hours(6), minutes(30)},
      {hours(24), hours(2)},     {hours(168), hours(2)},
  };
  for (const auto& [period, grace] : table) {
    CAPTURE(period.count());
    CHECK(late_from(kNow, every(period)) == kNow + grace);
  }
}

}  // namespace
}  // namespace pgbackup
