#include "backup/verify/scratch_folder.h"

#include <sys/stat.h>

#include <fstream>

#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

struct Fixture {
  TemporaryFolder parent;
  FakeClock clock;
  TestLog log{clock};

  [[nodiscard]] size_t count() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(parent.path()), fs::directory_iterator()));
  }
};

TEST_CASE("A scratch directory is ours alone, and goes with all that it holds") {
  Fixture f;
  {
    const ScratchFolder folder(f.parent.path(), 0, f.log.log());
    CHECK(fs::status(folder.path()).permissions() == fs::perms::owner_all);
    fs::create_directories(folder.path() / "data/base");
    std::ofstream(folder.path() / "data/base/1") << "x";
    fs::create_directory_symlink("/usr", folder.path() / "link");
  }
  CHECK(f.count() == 0);
  CHECK(fs::exists("/usr"));
}

TEST_CASE("What a killed process left is removed, what is in use or another's stays") {
  Fixture f;
  const ScratchFolder in_use(f.parent.path(), 0, f.log.log());
  f.parent.write("pg-backup-verify-killed/lock", "");
  f.parent.write("pg-backup-verify-killed/data/base/1", "x");
  f.parent.write("pg-backup-verify-begins/no-lock-yet", "");
  f.parent.write("something-else/lock", "");
  f.parent.write("pg-backup-verify-file", "a file");
  const ScratchFolder next(f.parent.path(), 0, f.log.log());
  CHECK_FALSE(fs::exists(f.parent.path() / "pg-backup-verify-killed"));
  CHECK(fs::exists(in_use.path()));
  CHECK(fs::exists(f.parent.path() / "pg-backup-verify-begins"));
  CHECK(fs::exists(f.parent.path() / "something-else"));
  CHECK(fs::exists(f.parent.path() / "pg-backup-verify-file"));
  CHECK(f.log.text().find("what a verification left behind") != std::string::npos);
}

TEST_CASE("Without room there is no directory") {
  Fixture f;
  CHECK(fails_with(ErrorKind::failed, "of room, and a server with the database restored may take",
                   [&] { const ScratchFolder folder(f.parent.path(), UINT64_MAX, f.log.log()); }));
  CHECK(f.count() == 0);
  CHECK(fails_with(ErrorKind::failed, "there is no directory",
                   [&] { const ScratchFolder folder(f.parent.path() / "none", 0, f.log.log()); }));
}

}  // namespace
}  // namespace pgbackup
