#include "common/base/due.h"

#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

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

TEST_CASE("Clocks that differ a little neither skip a time of the calendar nor make it twice") {
  const ZoneGuard zone("UTC");
  const Schedule daily = Schedule::parse("15 3 * * *");
  const auto at = [](const char* time) { return *parse_iso(time); };
  const UtcTime yesterday = at("2026-11-19T03:15:02Z");
  CHECK(is_of_present_period(yesterday, daily, at("2026-11-19T23:00:00Z")));
  // Started for 3:15 by a machine whose clock is behind.
  CHECK_FALSE(is_of_present_period(yesterday, daily, at("2026-11-20T03:14:30Z")));
  CHECK(is_of_present_period(at("2026-11-20T03:14:30Z"), daily, at("2026-11-20T03:16:00Z")));
  CHECK(next_due_after(at("2026-11-20T03:14:30Z"), daily) == at("2026-11-21T03:15:00Z"));
  CHECK(next_due_after(at("2026-11-20T03:09:00Z"), daily) == at("2026-11-20T03:15:00Z"));
  CHECK(is_of_present_period(at("2026-11-20T03:14:30Z"), daily, at("2026-11-20T23:00:00Z")));
  CHECK_FALSE(is_of_present_period(at("2026-11-20T03:09:00Z"), daily, at("2026-11-20T03:16:00Z")));
  const Schedule interval = Schedule::every(hours(1));
  CHECK(next_due_after(yesterday, interval) == yesterday + minutes(60));
  CHECK(is_of_present_period(yesterday, interval, yesterday + minutes(54)));
  CHECK_FALSE(is_of_present_period(yesterday, interval, yesterday + minutes(55)));
}

TEST_CASE("No time of a schedule is skipped because a longer gap follows it") {
  const ZoneGuard zone("UTC");
  for (const auto* const text : {"*/5 9-17 * * *", "0,5 3 * * *", "0,3 * * * *", "0,1 0 1 1 *",
                                 "*/10 * * * * *", "15 3 * * *", "0 3 * * MON-FRI"}) {
    CAPTURE(text);
    const Schedule schedule = Schedule::parse(text);
    UtcTime time = schedule.next(*parse_iso("2026-11-20T00:00:00Z"));
    for (int i = 0; i < 300; ++i) {
      const UtcTime next = schedule.next(time);
      CHECK(start_after_success(time, schedule, time) == next);
      CHECK(start_after_success(time + seconds(1), schedule, time + seconds(1)) ==
            schedule.next(time + seconds(1)));
      time = next;
    }
  }
}

TEST_CASE("A run shortly before its time is not followed by another at that time") {
  const ZoneGuard zone("UTC");
  const Schedule daily = Schedule::parse("15 3 * * *");
  const UtcTime started = *parse_iso("2026-11-20T03:14:30Z");
  const UtcTime next = *parse_iso("2026-11-21T03:15:00Z");
  CHECK(start_after_success(started, daily, started + std::chrono::minutes(1)) == next);
  CHECK(first_start(started, daily, started + std::chrono::minutes(1)) == next);
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

TEST_CASE("A clock that was set back during a run makes the next one come at once") {
  CHECK(start_after_success(kNow + hours(9000), every(hours(24)), kNow) == kNow);
  CHECK(start_after_success(kNow + minutes(4), every(hours(24)), kNow) ==
        kNow + minutes(4) + hours(24));
}

TEST_CASE("A schedule of fixed times is kept across starts, retries and weekends") {
  const ZoneGuard zone("UTC");
  const Schedule nightly = Schedule::parse("0 3 * * *");
  const UtcTime slot = *parse_iso("2026-11-20T03:00:00Z");  // a Friday
  CHECK(first_start(slot - hours(1), nightly, slot - minutes(1)) == slot);
  CHECK(first_start(slot - hours(1), nightly, slot + hours(5)) == slot + hours(5));
  CHECK(start_after_success(slot - minutes(6), nightly, slot - minutes(6)) == slot);
  CHECK(start_after_success(slot, nightly, slot + hours(30)) == slot + hours(30));
  CHECK(start_after_failure(7, slot, nightly, slot + minutes(23 * 60 + 30)) == slot + hours(24));
  CHECK(late_from(slot, nightly) == slot + hours(2));
  const Schedule weekdays = Schedule::parse("0 3 * * MON-FRI");
  CHECK(weekdays.next(slot) == slot + hours(72));
  CHECK(late_from(slot, weekdays) == slot + hours(2));
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
