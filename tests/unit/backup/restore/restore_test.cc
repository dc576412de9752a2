#include "backup/restore/restore.h"

#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

TEST_CASE("What is of the whole cluster never goes into a server that runs") {
  FakeClock clock;
  TestLog log{clock};
  MemoryStore store{clock};
  Backup backup;
  backup.group = Group::cluster();
  backup.id = "app/app_20240115T120000Z.dump";
  backup.layout = Layout::db_folder;
  store.put(backup.id, "PGDMP\x01\x0e");
  const PgConfig pg;
  const Environment environment;
  RestoreRequest request;
  request.yes = true;
  CHECK(fails_with(ErrorKind::usage, "a physical backup is not restored into a server that runs",
                   [&] {
                     return Restore({.pg = pg, .bindir = {}, .lock_timeout = {}}, environment,
                                    clock, log.log(), {})
                         .run(store, backup, request);
                   }));
}

}  // namespace
}  // namespace pgbackup
