#include "backup/pending.h"

#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

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
  Destinations destinations = both(dir, s3);
  Schedule schedule = Schedule::every(hours(24));
  RunStates states;
  UtcTime counted_from{};
  std::optional<UtcTime> since;  ///< as find_pending() said last

  void note(const std::string& name, const std::string& destination, UtcTime started) {
    states.succeed(kBackupJob, parse_group(name), destination, started);
  }
  /// `app: dir s3; ` and so on
  [[nodiscard]] std::string made_at(UtcTime now, const std::vector<std::string>& names = {"app"}) {
    const RunWork work =
        find_pending(states, parse_groups(names), destinations,
                     {.schedule = schedule, .now = now, .counted_from = counted_from});
    since = work.oldest_left_out;
    std::string text;
    for (const GroupWork& item : work.groups) {
      text += item.group.name() + ":";
      for (const Destination* destination : item.destinations) text += " " + destination->name();
      text += "; ";
    }
    return text;
  }
};

TEST_CASE("A try after a partial run is for the destinations that have nothing yet") {
  Fixture f;
  CHECK(f.made_at(f.start) == "app: dir s3; ");
  CHECK_FALSE(f.since);
  f.note("app", "dir", f.start);
  for (const seconds later : {seconds(0), seconds(60), seconds(hours(23))}) {
    CHECK(f.made_at(f.start + later) == "app: s3; ");
    CHECK(f.since == f.start);
  }
  f.counted_from = f.start + seconds(1);
  CHECK(f.made_at(f.start + minutes(1)) == "app: dir s3; ");
}

TEST_CASE("A try after a partial run is for the databases that have nothing yet") {
  Fixture f;
  const std::vector<std::string> groups = {"a", "b", "c", "_globals"};
  for (const auto* const destination : {"dir", "s3"}) {
    f.note("a", destination, f.start);
    f.note("_globals", destination, f.start + minutes(1));
  }
  f.note("b", "s3", f.start - minutes(1));
  CHECK(f.made_at(f.start + minutes(2), groups) == "b: dir; c: dir s3; ");
  CHECK(f.since == f.start - minutes(1));
  CHECK(f.made_at(f.start + minutes(2), {"a", "new"}) == "new: dir s3; ");
  // All of those that are left have theirs.
  CHECK(f.made_at(f.start + minutes(2), {"a", "_globals"}) == "a: dir s3; _globals: dir s3; ");
  CHECK_FALSE(f.since);
}

TEST_CASE("The next regular run is for all destinations, even if the last began late") {
  Fixture f;
  f.note("app", "dir", f.start);
  CHECK(f.made_at(f.start + hours(24) - seconds(1)) == "app: dir s3; ");
  CHECK(f.made_at(f.start + hours(25)) == "app: dir s3; ");
  f.note("app", "dir", f.start + hours(24));
  CHECK(f.made_at(f.start + hours(25)) == "app: s3; ");
}

TEST_CASE("No try is for nobody, and a clock that was set back is for all") {
  Fixture f;
  f.note("app", "dir", f.start);
  CHECK(f.made_at(f.start - hours(1)) == "app: dir s3; ");
  f.note("app", "s3", f.start + minutes(1));
  CHECK(f.made_at(f.start + minutes(2)) == "app: dir s3; ");
}

}  // namespace
}  // namespace pgbackup
