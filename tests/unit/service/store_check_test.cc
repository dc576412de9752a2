// The check of a directory. That of a bucket is in bucket_check_test.cc.
#include "common/service/store_check.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/support/fake_clock.h"
#include "tests/support/manifests.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

class Fixture {
 public:
  FakeClock clock;
  TestLog log{clock};
  TemporaryFolder folder;
  StoreConfig config;
  StoreCheck check{.wanted = {db("app")}};

  Fixture() { config.backup_dir = folder.path(); }

  /// Returns `level: sentence` of the finding about `subject`, else "".
  std::string about(const std::string& subject) {
    for (const Finding& finding : check_stores(config, check, clock, log.log(), {})) {
      if (finding.subject != subject) continue;
      CHECK(finding.area == config.backup_dir.string());
      return fmt::format("{}: {}", finding_level_name(finding.level), finding.sentence);
    }
    return "";
  }
};

TEST_CASE_METHOD(Fixture, "A directory that can be used is well, and left as it was") {
  fs::create_directory(folder.path() / "app");
  CHECK(about("directory") == "ok: it is there and can be read");
  CHECK(about("writing") == "ok: a file was written, read back and deleted again");
  CHECK(about("backups of app") == "attention: there is none yet");
  check.wanted.clear();
  CHECK(exit_code_of(check_stores(config, check, clock, log.log(), {})) == 0);
  CHECK(fs::is_empty(folder.path() / "app") == fs::exists(folder.path() / "app"));
}

TEST_CASE_METHOD(Fixture, "A directory that is not there could not be checked") {
  config.backup_dir = folder.path() / "none";
  CHECK(about("directory").starts_with("failed: cannot open the backup directory "));
  CHECK(about("writing").empty());
}

TEST_CASE_METHOD(Fixture, "The look at start writes nothing and reads no backup") {
  check.depth = CheckDepth::reach;
  CHECK(about("directory").starts_with("ok: "));
  CHECK(about("writing").empty());
  CHECK(about("backups of app").empty());
}

TEST_CASE_METHOD(Fixture, "The free space is compared with the size of the databases") {
  CHECK(about("free space").ends_with(" is free"));
  check.sizes[db("app")] = 1;
  CHECK(about("free space").find("the next backups take 1 B at most") != std::string::npos);
  check.sizes[db("app")] = uint64_t{1} << 60U;
  CHECK(about("free space").starts_with("attention: "));
  CHECK(about("free space").ends_with("the next backups may take 1024.0 PiB"));
}

TEST_CASE_METHOD(Fixture, "pg-prune is told of directories that it cannot delete from") {
  check.user = StoreUser::remover;
  const fs::path backup = folder.path() / "app" / "20261120T031500Z-9f3a1c2b";
  fs::create_directories(backup);
  CHECK(about("deleting") == "ok: backups can be deleted");
  CHECK(about("writing").empty());
  if (geteuid() == 0) return;  // may delete everywhere
  chmod(backup.c_str(), 0555);
  CHECK(about("deleting") == fmt::format("attention: nothing can be deleted from {}: Permission "
                                         "denied",
                                         backup.string()));
  chmod(backup.c_str(), 0755);
}

}  // namespace
}  // namespace pgbackup
