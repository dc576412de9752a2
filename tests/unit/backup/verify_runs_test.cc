#include "backup/verify_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "backup/program.h"
#include "common/base/schedule.h"
#include "common/catalog/catalog.h"
#include "common/codec/digest.h"
#include "common/store/dir_store.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manifests.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

constexpr const char* kOld = "20261118T031500Z-00000001";
constexpr const char* kNew = "20261119T031500Z-00000002";

/// Two databases with two backups each, of which size and SHA-256 are verified.
struct VerifyFixture {
  VerifyFixture() {
    config.store.backup_dir = folder.path();
    config.verify.depth = VerifyDepth::stored;
    for (const auto* group : {"app", "web"}) {
      for (const auto* id : {kOld, kNew}) {
        folder.write(path(group, id) + data_name(db(group)), "data");
        folder.write(path(group, id) + "manifest.json",
                     format_manifest(make_manifest(
                         db(group), id, {{data_name(db(group)), 4, sha256_hex("data")}})));
      }
    }
  }
  static std::string path(const std::string& group, const std::string& id) {
    return backup_folder(db(group), id) + "/";
  }
  void damage(const std::string& group, const std::string& id) {
    folder.write(path(group, id) + data_name(db(group)), "dat?");
  }
  /// Returns `app/18+ web/19-`: what was verified, good or bad, in the order of the catalog.
  std::string verified() {
    DirStore store(folder.path(), clock);
    std::string text;
    for (const Backup& backup : read_catalog(store)) {
      for (const Verification& one : backup.verifications) {
        text += fmt::format("{}/{}{} ", backup.group.name(), backup.id.substr(6, 2),
                            one.is_passed ? "+" : "-");
      }
    }
    return text;
  }

  const TemporaryFolder folder;
  SystemClock clock;
  TestLog log{clock};
  BackupConfig config;
  const Environment environment;
  RunStates states;
  RequestCounter requests;
  Program program{.config = config,
                  .environment = environment,
                  .clock = clock,
                  .log = log.log(),
                  .stop = {},
                  .arguments = {},
                  .requests = requests,
                  .started = {}};
  VerifyRuns runs{config, program, states};
};

TEST_CASE_METHOD(VerifyFixture, "Without a name the newest backup of each database is verified") {
  runs.once("");
  CHECK(verified() == "app/19+ web/19+ ");
}

TEST_CASE_METHOD(VerifyFixture, "With --all every backup is, and one that is bad stops none") {
  config.restore.all = true;
  damage("app", kOld);
  CHECK(fails_with(ErrorKind::corrupt, "the SHA-256 of", [&] { runs.once(""); }));
  CHECK(verified() == "app/18- app/19+ web/18+ web/19+ ");
  CHECK(log.text().find("the backup is verified once more") != std::string::npos);
  damage("web", kOld);
  CHECK(
      fails_with(ErrorKind::failed, "2 verifications failed, 2 succeeded", [&] { runs.once(""); }));
}

TEST_CASE_METHOD(VerifyFixture, "A name or its beginning means one backup") {
  runs.once(std::string("app/") + kOld);
  CHECK(verified() == "app/18+ ");
  runs.once("web/20261119");
  CHECK(verified() == "app/18+ web/19+ ");
  CHECK(fails_with(ErrorKind::usage, "'app/2026' is the beginning of several backups",
                   [&] { runs.once("app/2026"); }));
  CHECK(fails_with(ErrorKind::not_found, "there is no complete backup 'app/2027'",
                   [&] { runs.once("app/2027"); }));
  CHECK(fails_with(ErrorKind::not_found, "there is no complete backup 'app/20200101",
                   [&] { runs.once("app/20200101T000000Z-00000000"); }));
  CHECK(verified() == "app/18+ web/19+ ");
}

TEST_CASE_METHOD(VerifyFixture,
                 "By schedule each database has one backup verified in each period") {
  config.verify.schedule = Schedule::every(std::chrono::hours(24));
  CHECK_FALSE(runs.newest());
  runs.run();
  CHECK(verified() == "app/19+ web/19+ ");
  CHECK(runs.newest());
  runs.run();  // in the same period
  CHECK(verified() == "app/19+ web/19+ ");
}

TEST_CASE_METHOD(VerifyFixture, "A bad backup is told again until a newer one was verified") {
  config.verify.schedule = Schedule::every(std::chrono::hours(24));
  damage("app", kNew);
  CHECK(fails_with(ErrorKind::corrupt, "the SHA-256 of", [&] { runs.run(); }));
  CHECK(fails_with(ErrorKind::corrupt, "and no newer backup was verified", [&] { runs.run(); }));
  CHECK(verified() == "app/19- web/19+ ");
}

TEST_CASE_METHOD(VerifyFixture, "What cannot be looked at is not called bad") {
  config.verify.depth = VerifyDepth::restore;  // as root, or without a server
  config.verify.directory = folder.path() / "not-there";
  CHECK_THROWS_AS(runs.once(std::string("app/") + kNew), Error);
  CHECK(verified().empty());
}

TEST_CASE_METHOD(VerifyFixture, "An empty store has nothing that could be said to be good") {
  for (const auto* group : {"app", "web"}) std::filesystem::remove_all(folder.path() / group);
  CHECK(fails_with(ErrorKind::not_found, "there is no complete backup to verify",
                   [&] { runs.once(""); }));
}

}  // namespace
}  // namespace pgbackup
