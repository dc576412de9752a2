#include "backup/physical/restored_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/base_backup.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

struct Fixture {
  TemporaryFolder folder;
  fs::path target = folder.path() / "above/data";
  std::vector<TablespacePlace> tablespaces{};

  /// What an archive would have left there.
  void fill(const RestoredDirectory& /*directory*/) const {
    for (const std::string name : {"global", "pg_tblspc", "pg_wal"}) {
      fs::create_directory(target / name);
    }
    folder.write("above/data/global/pg_control.unfinished", "control");
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    return folder.read("above/data/" + name);
  }
  [[nodiscard]] unsigned mode_of(const std::string& name) const {
    struct stat info {};
    REQUIRE(lstat((target / name).c_str(), &info) == 0);
    return info.st_mode & 07777U;
  }
};

void write_file(RestoredDirectory& directory, const std::string& name, std::string_view text) {
  const std::unique_ptr<Sink> file = directory.create(name);
  file->write(text);
  file->finish();
}

TEST_CASE("An unfinished data directory tells its story, and has no control file") {
  Fixture f;
  fs::create_directories(f.target);
  fs::permissions(f.target, fs::perms(0755));
  {
    RestoredDirectory directory(f.target, {}, "began here\n");
    f.fill(directory);
    CHECK(f.read(kUnfinishedMarker) == "began here\n");
    CHECK(f.mode_of(".") == 0700);
  }
  CHECK_FALSE(fs::exists(f.target / "global/pg_control"));
  CHECK(fails_with(ErrorKind::conflict, "a restore that has not finished: began here\n",
                   [&] { return RestoredDirectory(f.target, {}, "").owner(); }));
}

TEST_CASE("A finished data directory has its control file, and nothing of the restore") {
  Fixture f;
  f.folder.write("above/data/x", "");
  fs::remove(f.target / "x");
  fs::permissions(f.target, fs::perms(0755));
  RestoredDirectory directory(f.target, {}, "began here\n");
  f.fill(directory);
  f.folder.write("above/data/postgresql.auto.conf", "a = 1\nb");
  for (const std::string name : {"standby.signal", "tablespace_map", "backup_label"}) {
    f.folder.write("above/data/" + name, "x");
  }
  fs::permissions(f.target / "global", fs::perms(0700));
  directory.finish({.settings = "\nc = 2\n", .signal = Signal::recovery});
  CHECK(f.read("global/pg_control") == "control");
  CHECK_FALSE(fs::exists(f.target / "global/pg_control.unfinished"));
  CHECK_FALSE(fs::exists(f.target / kUnfinishedMarker));
  CHECK(f.read("postgresql.auto.conf") == "a = 1\nb\nc = 2\n");
  CHECK(fs::exists(f.target / "recovery.signal"));
  CHECK_FALSE(fs::exists(f.target / "standby.signal"));
  CHECK_FALSE(fs::exists(f.target / "tablespace_map"));
  CHECK(f.read("backup_label") == "x");
  CHECK(f.mode_of(".") == 0700);
  CHECK(f.mode_of("recovery.signal") == 0600);
}

TEST_CASE("A standby follows, and a group may read where the archive says so") {
  Fixture f;
  RestoredDirectory directory(f.target, {}, "");
  f.fill(directory);
  f.folder.write("above/data/recovery.signal", "");
  fs::permissions(f.target / "global", fs::perms(0750));
  directory.finish({.settings = "c = 2\n", .signal = Signal::standby});
  CHECK(fs::exists(f.target / "standby.signal"));
  CHECK_FALSE(fs::exists(f.target / "recovery.signal"));
  CHECK(f.read("postgresql.auto.conf") == "c = 2\n");
  CHECK(f.mode_of("postgresql.auto.conf") == 0600);
  CHECK(f.mode_of(".") == 0750);
}

TEST_CASE("Tablespaces are linked to where they went") {
  Fixture f;
  const fs::path one = f.folder.path() / "ts/o'n e\\n";
  const fs::path two = f.folder.path() / "two";
  fs::create_directory(two);
  RestoredDirectory directory(f.target, {{16384, one}, {16385, two}}, "");
  f.fill(directory);
  CHECK(directory.tablespace_root(16384).listed_as == "pg_tblspc/16384/");
  CHECK(directory.tablespace_root(16385).path == two.string());
  CHECK(fails_with(ErrorKind::corrupt, "there is no tablespace 1",
                   [&] { return directory.tablespace_root(1).fd; }));
  directory.finish({});
  CHECK(fs::read_symlink(f.target / "pg_tblspc/16384") == one);
  CHECK(fs::read_symlink(f.target / "pg_tblspc/16385") == two);
}

TEST_CASE("Whoever the server runs as can go through the directories that were made above") {
  Fixture f;
  const mode_t old = umask(0022);
  const RestoredDirectory directory(f.target, {{16384, f.folder.path() / "ts/a/b"}}, "");
  umask(old);
  CHECK(f.mode_of("..") == 0755);
  CHECK(f.mode_of("../../ts/a") == 0755);
  CHECK(f.mode_of("../../ts/a/b") == 0700);
  CHECK(f.mode_of(".") == 0700);
}

TEST_CASE("Nothing is written where a directory is occupied") {
  Fixture f;
  f.folder.write("ts/PG_15_202209061/5/1", "x");
  CHECK(fails_with(ErrorKind::conflict, "is not empty", [&] {
    return RestoredDirectory(f.target, {{16384, f.folder.path() / "ts"}}, "").owner();
  }));
  CHECK_FALSE(fs::exists(f.target));
}

TEST_CASE("Files of ours are written once, below directories that are made") {
  Fixture f;
  RestoredDirectory directory(f.target, {}, "");
  f.fill(directory);
  write_file(directory, "backup_manifest", "{}");
  write_file(directory, "pg_wal/from_backup/00000002.history", "1");
  write_file(directory, "pg_wal/from_backup/00000003.history", "2");
  CHECK(f.read("pg_wal/from_backup/00000003.history") == "2");
  CHECK(f.mode_of("pg_wal/from_backup") == 0700);
  CHECK(f.mode_of("pg_wal/from_backup/00000002.history") == 0600);
  CHECK_THROWS_AS(directory.create("backup_manifest"), Error);
  std::string text(10, '.');
  CHECK(directory.open("backup_manifest")->read(text) == 2);
  CHECK(text.starts_with("{}"));
  CHECK(fails_with(ErrorKind::not_found, "absent", [&] { return directory.open("absent"); }));
}

TEST_CASE("Without a control file nothing is finished") {
  Fixture f;
  RestoredDirectory directory(f.target, {}, "began here\n");
  f.fill(directory);
  fs::remove(f.target / "global/pg_control.unfinished");
  CHECK_THROWS_AS(directory.finish({}), Error);
  CHECK(fs::exists(f.target / kUnfinishedMarker));
}

TEST_CASE("Everything belongs to the owner of the directory when root restores") {
  if (geteuid() != 0) return;  // nobody else may give files away
  Fixture f;
  fs::create_directories(f.target);
  REQUIRE(chown(f.target.c_str(), 1234, 4321) == 0);
  RestoredDirectory directory(f.target, {{16384, f.folder.path() / "ts/new"}}, "");
  REQUIRE(directory.owner());
  CHECK(directory.owner()->user == 1234);
  f.fill(directory);
  write_file(directory, "pg_wal/from_backup/00000002.history", "1");
  directory.finish({.settings = "a"});
  for (const std::string name :
       {".", "pg_wal/from_backup", "pg_wal/from_backup/00000002.history", "postgresql.auto.conf",
        "recovery.signal", "pg_tblspc/16384", "../../ts/new"}) {
    CAPTURE(name);
    struct stat info {};
    REQUIRE(lstat((f.target / name).c_str(), &info) == 0);
    CHECK(info.st_uid == 1234);
    CHECK(info.st_gid == 4321);
  }
}

}  // namespace
}  // namespace pgbackup
