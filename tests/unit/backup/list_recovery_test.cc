#include "backup/list_recovery.h"

#include "tests/support/test.h"
#include "tests/support/wal_fixture.h"

namespace pgbackup {
namespace {

using std::chrono::hours;

class ListRecoveryFixture : public WalFixture {
 public:
  /// Returns what `pg-backup list` adds to the table and to JSON.
  std::pair<std::string, std::string> list() {
    const std::vector<ListedBackup> backups = list_backups(only(store), {}, clock).backups;
    const auto [listed, failures] = list_recovery(only(store), backups, log.log());
    CHECK(failures.empty());
    return {format_recovery_table(listed), format_recovery_json(listed)};
  }
};

TEST_CASE_METHOD(ListRecoveryFixture,
                 "A listing says which moments of each server can be restored") {
  add_segments(1, 1, 40, hours(1));
  add_base(hours(20), 20);
  add_base_of("8", hours(30), 5);        // without WAL
  add_segments(1, 1, 2, hours(1), "9");  // without a base backup
  const auto [table, json] = list();
  CHECK(table ==
        "\nserver 7\n"
        "  every moment from 2026-11-19T16:10:00Z to 2026-11-20T11:00:00Z can be restored\n"
        "    from 20261119T160000Z-00000000 on, 0/14000128 to 0/29000000 on timeline 1\n"
        "\nserver 8\n"
        "  20261119T060000Z-00000000 cannot be restored: 000000010000000000000005 is missing or "
        "incomplete\n");
  CHECK(json ==
        R"({"kind":"wal","server":"7","windows":[{"id":"20261119T160000Z-00000000",)"
        R"("from":"2026-11-19T16:10:00Z","until":"2026-11-20T11:00:00Z","begin":"0/14000128",)"
        R"("end":"0/29000000","timeline":1,"gaps":[]}],"stranded":[]})"
        "\n"
        R"({"kind":"wal","server":"8","windows":[],"stranded":[{"id":"20261119T060000Z-00000000",)"
        R"("missing":"000000010000000000000005"}]})"
        "\n");
}

TEST_CASE_METHOD(ListRecoveryFixture, "A damaged base backup opens no window, and dumps none") {
  add_segments(1, 1, 40, hours(1));
  const std::string manifest = add_base(hours(20), 20);
  store.objects.erase(manifest.substr(0, manifest.rfind('/')) + "/base.tar.zst");
  CHECK(list() == std::pair<std::string, std::string>());
}

TEST_CASE_METHOD(ListRecoveryFixture, "A listing of two destinations names that of each window") {
  add_segments(1, 1, 40, hours(1));
  add_base(hours(20), 20);
  MemoryStore empty(clock);
  const Destinations two = both(empty, store);
  const std::vector<ListedRecovery> listed =
      list_recovery(two, list_backups(two, {}, clock).backups, log.log()).recovery;
  REQUIRE(listed.size() == 1);
  CHECK(listed.front().destination == "s3");
  CHECK(format_recovery_table(listed).starts_with("\nserver 7 in s3\n"));
  CHECK(format_recovery_json(listed).ends_with("\"from\":\"s3\"}\n"));
}

}  // namespace
}  // namespace pgbackup
