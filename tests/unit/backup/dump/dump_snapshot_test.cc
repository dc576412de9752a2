#include "backup/dump/dump_snapshot.h"

#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

std::string obstacle(const std::vector<std::string>& flags) {
  DumpOptions options;
  options.flags = parse_dump_flags(flags);
  return obstacle_to_snapshot(options);
}

TEST_CASE("A dump of everything can share a snapshot, whatever else pg_dump is told") {
  CHECK(obstacle({}).empty());
  CHECK(obstacle({"--no-sync"}).empty());
  CHECK(obstacle({"--lock-wait-timeout=10"}).empty());
}

TEST_CASE("What is left out cannot be compared, and one snapshot is enough") {
  for (const std::string flag : {"--schema=public", "--table=item", "--exclude-table=log",
                                 "--schema-only", "--data-only", "--exclude-schema=old"}) {
    CAPTURE(flag);
    CHECK(obstacle({flag}) == "the dump is partial");
  }
  CHECK(obstacle({"--serializable-deferrable"}) ==
        "PGDUMP_OPTIONS holds --serializable-deferrable");
}

TEST_CASE("Without a snapshot the source is that of the dump, and nothing was noted") {
  FakeClock clock;
  TestLog log{clock};
  std::vector<std::string> snapshots;
  SnapshotSource source(
      [&](const std::string& snapshot) {
        snapshots.push_back(snapshot);
        return std::unique_ptr<DumpSource>();
      },
      nullptr, log.log());
  CHECK(snapshots == std::vector<std::string>{""});
  CHECK_FALSE(source.contents());
}

TEST_CASE("A server that cannot be reached exports nothing") {
  PgConfig config;
  config.host = "127.0.0.1";
  config.port = 1;
  config.port_is_set = true;
  config.further = {{"sslmode", "disable"}};
  CHECK(fails_with(ErrorKind::transient, "cannot connect to PostgreSQL",
                   [&] { const DumpSnapshot snapshot(config, CountRows::cheap, {}); }));
}

}  // namespace
}  // namespace pgbackup
