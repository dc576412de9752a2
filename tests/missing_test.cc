#include "backup/missing.h"

#include "tests/fake_clock.h"
#include "tests/faulty_store.h"
#include "tests/memory_store.h"
#include "tests/test.h"
#include "tests/zone_guard.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

struct Fixture {
  const UtcTime start = *parse_iso("2026-11-20T03:15:01Z");
  FakeClock clock{start};
  MemoryStore dir{clock};
  MemoryStore s3{clock};
  Targets targets = both(dir, s3);
  Schedule schedule = Schedule::every(hours(24));
  MissingBackups missing;
  std::optional<UtcTime> since;  ///< as select() said last

  /// `app: dir s3; ` and so on
  [[nodiscard]] std::string made_at(UtcTime now, const std::vector<std::string>& groups = {"app"}) {
    const RunWork work = missing.select(groups, targets, schedule, now);
    since = work.oldest_left_out;
    std::string text;
    for (const GroupWork& item : work.groups) {
      text += item.group + ":";
      for (const StoreTarget* target : item.targets) text += " " + target->name();
      text += "; ";
    }
    return text;
  }
};

TEST_CASE("A try after a partial run is for the targets that have nothing yet") {
  Fixture f;
  CHECK(f.made_at(f.start) == "app: dir s3; ");
  CHECK_FALSE(f.since);
  f.missing.note("app", "dir", f.start);
  for (const seconds later : {seconds(0), seconds(60), seconds(hours(23))}) {
    CHECK(f.made_at(f.start + later) == "app: s3; ");
    CHECK(f.since == f.start);
  }
  f.missing.clear();
  CHECK(f.made_at(f.start + minutes(1)) == "app: dir s3; ");
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

TEST_CASE("A try after a partial run is for the databases that have nothing yet") {
  Fixture f;
  const std::vector<std::string> groups = {"a", "b", "c", "_globals"};
  for (const auto* const target : {"dir", "s3"}) {
    f.missing.note("a", target, f.start);
    f.missing.note("_globals", target, f.start + minutes(1));
  }
  f.missing.note("b", "s3", f.start - minutes(1));
  CHECK(f.made_at(f.start + minutes(2), groups) == "b: dir; c: dir s3; ");
  CHECK(f.since == f.start - minutes(1));
  CHECK(f.made_at(f.start + minutes(2), {"a", "new"}) == "new: dir s3; ");
  // All of those that are left have theirs.
  CHECK(f.made_at(f.start + minutes(2), {"a", "_globals"}) == "a: dir s3; _globals: dir s3; ");
  CHECK_FALSE(f.since);
}

TEST_CASE("The next regular run is for all targets, even if the last began late") {
  Fixture f;
  f.missing.note("app", "dir", f.start);
  CHECK(f.made_at(f.start + hours(24) - seconds(1)) == "app: dir s3; ");
  CHECK(f.made_at(f.start + hours(25)) == "app: dir s3; ");
  f.missing.note("app", "dir", f.start + hours(24));
  CHECK(f.made_at(f.start + hours(25)) == "app: s3; ");
}

TEST_CASE("No try is for nobody, and a clock that was set back is for all") {
  Fixture f;
  f.missing.note("app", "dir", f.start);
  CHECK(f.made_at(f.start - hours(1)) == "app: dir s3; ");
  f.missing.note("app", "s3", f.start + minutes(1));
  CHECK(f.made_at(f.start + minutes(2)) == "app: dir s3; ");
}

}  // namespace
}  // namespace pgbackup
