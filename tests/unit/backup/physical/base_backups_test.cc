#include "backup/physical/base_backups.h"

#include "tests/support/test.h"
#include "tests/support/wal_fixture.h"

namespace pgbackup {
namespace {

using std::chrono::hours;

/// Base backups of two hours ago and of four hours from now on, as a clock made it that was ahead.
class BaseBackupsFixture : public WalFixture {
 public:
  BaseBackupsFixture() {
    add_base(hours(2), 10);
    add_base(hours(-4), 20);
  }
  std::vector<std::string> ids(const std::string& wanted) {
    std::vector<std::string> found;
    for (const FoundBase& one : read_base_backups_of(store, now, wanted, log.log())) {
      found.push_back(one.backup.id);
    }
    return found;
  }
};

TEST_CASE_METHOD(BaseBackupsFixture, "A base backup dated in the future is never the latest") {
  CHECK(ids("latest") == std::vector<std::string>{id(hours(2))});
  CHECK(contains(log.text(), "run=" + id(hours(-4)) +
                                 " now=2026-11-20T12:00:00Z hint=\"it is not the latest; --id "
                                 "restores it\""));
  CHECK(read_base_backups(store, now, 2, log.log()).size() == 1);
}

TEST_CASE_METHOD(BaseBackupsFixture, "A base backup dated in the future counts by its id") {
  CHECK(ids(id(hours(-4))) == std::vector<std::string>{id(hours(-4)), id(hours(2))});
  CHECK(contains(log.text(), " now=2026-11-20T12:00:00Z\n"));
}

}  // namespace
}  // namespace pgbackup
