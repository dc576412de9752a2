#include "backup/missing.h"

#include "tests/fake_clock.h"
#include "tests/faulty_store.h"
#include "tests/memory_store.h"
#include "tests/test.h"

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
  Schedule schedule = Schedule::every(hours(24));
  MissingTargets missing;
  std::optional<UtcTime> since;  ///< as select() said last

  [[nodiscard]] std::string fed_at(UtcTime now) {
    Targets targets = both(dir, s3);
    since = missing.select(targets, schedule, now);
    std::string names;
    for (const StoreTarget& target : targets) names += target.name() + " ";
    return names;
  }
};

TEST_CASE("A try after a partial run is for the targets that have nothing yet") {
  Fixture f;
  CHECK(f.fed_at(f.start) == "dir s3 ");
  CHECK_FALSE(f.since);
  f.missing.note("dir", f.start);
  for (const seconds later : {seconds(0), seconds(60), seconds(hours(23))}) {
    CHECK(f.fed_at(f.start + later) == "s3 ");
    CHECK(f.since == f.start);
  }
  f.missing.clear();
  CHECK(f.fed_at(f.start + minutes(1)) == "dir s3 ");
}

TEST_CASE("The next regular run is for all targets, even if the last began late") {
  Fixture f;
  f.missing.note("dir", f.start);
  CHECK(f.fed_at(f.start + hours(24) - seconds(1)) == "dir s3 ");
  CHECK(f.fed_at(f.start + hours(25)) == "dir s3 ");
  f.missing.note("dir", f.start + hours(24));
  CHECK(f.fed_at(f.start + hours(25)) == "s3 ");
}

TEST_CASE("No try is for nobody, and a clock that was set back is for all") {
  Fixture f;
  f.missing.note("dir", f.start);
  CHECK(f.fed_at(f.start - hours(1)) == "dir s3 ");
  f.missing.note("s3", f.start + minutes(1));
  CHECK(f.fed_at(f.start + minutes(2)) == "dir s3 ");
}

}  // namespace
}  // namespace pgbackup
