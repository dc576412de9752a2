#include "backup/dump/dump_job.h"

#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

TEST_CASE("A group of which no client makes a dump is refused before anything is asked or stored") {
  FakeClock clock;
  TestLog log{clock};
  MemoryStore store{clock};
  const PgConfig pg;
  const DumpOptions dump;
  const Environment environment;
  BackupJob job({.pg = pg, .bindir = {}, .dump = dump, .schedule = {}}, environment,
                {.id = "20261120T031500Z-9f3a1c2b", .started = {}, .groups = {}, .left_out = {}},
                clock, log.log(), {});
  const Destinations destinations = only(store);
  for (const Group& group : {Group(), Group::cluster()}) {
    const BackupOutcome outcome = job.back_up(group, all_of(destinations));
    REQUIRE(outcome.error);
    CHECK(outcome.error->message() ==
          "backup of " + group.name() + ": neither pg_dump nor pg_dumpall can make it");
    CHECK(outcome.holders.empty());
  }
  CHECK(store.objects.empty());
  CHECK(log.text().empty());
}

}  // namespace
}  // namespace pgbackup
