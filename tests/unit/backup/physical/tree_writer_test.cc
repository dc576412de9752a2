#include "backup/physical/tree_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/base_backup.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// A directory beside one that nothing may be written to.
struct Fixture {
  TemporaryFolder folder;
  fs::path target = folder.path() / "target";
  std::string listed_as;

  Fixture() {
    fs::create_directory(target);
    fs::create_directory(folder.path() / "outside");
  }

  /// Writes an archive whose files are listed as `files`, and returns `done`.
  std::string unpack(const std::string& archive, const std::map<std::string, std::string>& files) {
    std::vector<std::string> lines;
    for (const auto& [name, contents] : files) lines.push_back(listed(name, contents));
    StringSource source(file_list(lines, kRange));
    const FileList list(source);
    FileRecord record(list);
    const Fd root(open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    TreeWriter writer({.fd = root.get(), .path = target.string(), .listed_as = listed_as}, record);
    TarParser parser(writer);
    parser.write(archive);
    parser.finish();
    record.require_all();
    return "done";
  }
  [[nodiscard]] bool is_clean_outside() const {
    return fs::is_empty(folder.path() / "outside") &&
           std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 2;
  }
  [[nodiscard]] unsigned mode_of(const std::string& name) const {
    struct stat info {};
    REQUIRE(lstat((target / name).c_str(), &info) == 0);
    return info.st_mode & 07777U;
  }
};

TEST_CASE("Files and directories are written with their permissions, whatever the umask") {
  Fixture f;
  const mode_t old = umask(0077);
  const std::string result = f.unpack(TarBuilder()
                                          .file("PG_VERSION", "15\n", 0640)
                                          .directory("base", 0750)
                                          .directory("base/1")
                                          .file("base/1/1259", std::string(100'000, 'x'))
                                          .directory("global", 0500)
                                          .file("base/2", "")
                                          .file("script", "#", 0755)
                                          .end(),
                                      {{"PG_VERSION", "15\n"},
                                       {"base/1/1259", std::string(100'000, 'x')},
                                       {"base/2", ""},
                                       {"script", "#"}});
  umask(old);
  CHECK(result == "done");
  CHECK(f.folder.read("target/PG_VERSION") == "15\n");
  CHECK(f.folder.read("target/base/1/1259") == std::string(100'000, 'x'));
  CHECK(fs::file_size(f.target / "base/2") == 0);
  CHECK(f.mode_of("PG_VERSION") == 0640);
  CHECK(f.mode_of("base") == 0750);
  CHECK(f.mode_of("base/1") == 0700);
  CHECK(f.mode_of("base/1/1259") == 0600);
  CHECK(f.mode_of("global") == 0700);
  CHECK(f.mode_of("script") == 0755);
}

TEST_CASE("What is written belongs to the owner that is named") {
  if (geteuid() != 0) return;  // nobody else may give files away
  Fixture f;
  StringSource source(file_list({listed("d/a", "x")}, kRange));
  const FileList list(source);
  FileRecord record(list);
  const Fd root(open(f.target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  TreeWriter writer(
      {.fd = root.get(), .path = f.target.string(), .listed_as = "", .owner = Owner{1234, 4321}},
      record);
  TarParser parser(writer);
  parser.write(TarBuilder().directory("d").file("d/a", "x").end());
  for (const char* const name : {"d", "d/a"}) {
    struct stat info {};
    REQUIRE(lstat((f.target / name).c_str(), &info) == 0);
    CHECK(info.st_uid == 1234);
    CHECK(info.st_gid == 4321);
  }
}

TEST_CASE("The control file gets its name last of all, by another hand") {
  Fixture f;
  CHECK(f.unpack(TarBuilder().directory("global").file("global/pg_control", "c").end(),
                 {{"global/pg_control", "c"}}) == "done");
  CHECK(f.folder.read("target/global/pg_control.unfinished") == "c");
  CHECK_FALSE(fs::exists(f.target / "global/pg_control"));
}

TEST_CASE("Files of a tablespace are listed below its OID, and lie in a directory of a version") {
  Fixture f;
  f.listed_as = "pg_tblspc/16384/";
  const std::string name = "PG_15_202209061/5/16388";
  CHECK(f.unpack(TarBuilder()
                     .directory("PG_15_202209061")
                     .directory("PG_15_202209061/5")
                     .file(name, "x")
                     .end(),
                 {{"pg_tblspc/16384/" + name, "x"}}) == "done");
  CHECK(f.folder.read("target/" + name) == "x");
  for (const std::string other : {"authorized_keys", "global/pg_control", "pg_15"}) {
    CHECK(fails_with(ErrorKind::corrupt, "which no server has there", [&] {
      return f.unpack(TarBuilder().file(other, "x").end(), {{"pg_tblspc/16384/" + other, "x"}});
    }));
  }
}

TEST_CASE("A file that is not as listed is refused") {
  const std::map<std::string, std::string> files = {{"a", "one"}, {"b", "two"}};
  const std::vector<std::pair<std::string, std::string>> archives = {
      {TarBuilder().file("a", "one").end(), "lack 1 of 2 files, b among them"},
      {TarBuilder().file("a", "one").file("b", "twp").end(), "the SHA-256 of b"},
      {TarBuilder().file("a", "one").file("b", "two.").end(), "b has 4 bytes"},
      {TarBuilder().file("a", "one").file("b", "tw").end(), "b has 2 bytes"},
      {TarBuilder().file("a", "one").file("a", "one").end(), "hold a twice"},
      {TarBuilder().file("a", "one").file("./a", "one").end(), "hold a twice"},
      {TarBuilder().file("a", "one").file("c", "").end(), "c, which the backup_manifest does not"},
      {TarBuilder().file("a", "one").directory("b").end(), "lack 1 of 2 files"}};
  for (const auto& [archive, complaint] : archives) {
    Fixture f;
    CHECK(fails_with(ErrorKind::corrupt, complaint,
                     [&, &a = archive] { return f.unpack(a, files); }));
    CHECK_FALSE(fs::exists(f.target / "c"));
  }
}

TEST_CASE("A member that cannot be where it is said to be is refused") {
  const std::map<std::string, std::string> files = {{"a", "x"}, {"a/b", "x"}, {"d/e/f", "x"}};
  for (const std::string& archive :
       {TarBuilder().file("a", "x").file("a/b", "x").end(),
        TarBuilder().file("a", "x").directory("a").end(),
        TarBuilder().file("a", "x").directory("a/d").end(), TarBuilder().file("d/e/f", "x").end(),
        TarBuilder().directory("d").file("d/e/f", "x").end(), TarBuilder().directory("d/e").end(),
        TarBuilder().directory("d").directory("d").end(),
        TarBuilder().directory("a").file("a", "x").end()}) {
    Fixture f;
    CHECK(fails_with(ErrorKind::corrupt, "cannot ", [&] { return f.unpack(archive, files); }));
  }
}

TEST_CASE("A link that someone puts into the directory leads nowhere") {
  const std::map<std::string, std::string> files = {
      {"out/a", "x"}, {"d/out/a", "x"}, {"file", "x"}};
  for (const std::string& archive :
       {TarBuilder().file("out/a", "x").end(), TarBuilder().directory("out").end(),
        TarBuilder().directory("out/new").end(), TarBuilder().file("file", "x").end(),
        TarBuilder().file("d/out/a", "x").end()}) {
    Fixture f;
    fs::create_directory(f.target / "d");
    fs::create_directory_symlink(f.folder.path() / "outside", f.target / "out");
    fs::create_directory_symlink("../../outside", f.target / "d/out");
    fs::create_symlink("../outside/file", f.target / "file");
    CHECK(fails_with(ErrorKind::corrupt, "cannot ", [&] { return f.unpack(archive, files); }));
    CHECK(f.is_clean_outside());
  }
}

TEST_CASE("Hostile archives write nothing outside") {
  const std::string link = TarBuilder::header({.name = "l", .type = '2', .link = "../outside"});
  for (const std::string& archive :
       {TarBuilder().file("../outside/a", "x").end(), TarBuilder().file("/tmp/a", "x").end(),
        TarBuilder().directory("..").end(), TarBuilder().directory("d/../../outside/a").end(),
        link + TarBuilder().file("l/a", "x").end(),
        TarBuilder().add({.name = "d", .type = '4'}).end(),
        TarBuilder().add({.name = "h", .type = '1', .link = "../outside"}).end()}) {
    Fixture f;
    const std::map<std::string, std::string> files = {{"../outside/a", "x"}, {"l/a", "x"}};
    CHECK(fails_with(ErrorKind::corrupt, "", [&] { return f.unpack(archive, files); }));
    CHECK(f.is_clean_outside());
    CHECK(fs::is_empty(f.target));
  }
}

}  // namespace
}  // namespace pgbackup
