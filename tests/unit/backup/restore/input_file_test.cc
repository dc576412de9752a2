#include "backup/restore/input_file.h"

#include <filesystem>

#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

TEST_CASE("A file is a backup of its own, with its checksum beside it and whatever its name") {
  const TemporaryFolder folder;
  const FakeClock clock;
  folder.write("my app.dump", "PGDMP and more");
  folder.write("my app.dump.sha256", "sum");
  folder.write("alone", "PGDMP");
  fs::create_symlink("my app.dump", folder.path() / "link");
  for (const char* name : {"my app.dump", "link"}) {
    CAPTURE(name);
    const InputFile file(folder.path() / name, "app", clock);
    CHECK(file.backup.group == Group::database("app"));
    CHECK(file.backup.commit_key() == "my app.dump");
    CHECK(file.backup.bytes == 14);
    CHECK(file.backup.complete);
    CHECK_FALSE(file.backup.is_ours());
    REQUIRE(file.backup.files.size() == 2);
    CHECK(file.backup.files[1].name == "my app.dump.sha256");
  }
  const InputFile alone(folder.path() / "alone", "", clock);
  CHECK(alone.backup.files.size() == 1);
  CHECK_FALSE(alone.backup.group.is_named());
}

TEST_CASE("What is no file is refused with the way out") {
  const TemporaryFolder folder;
  const FakeClock clock;
  fs::create_symlink("nowhere", folder.path() / "dangling");
  const auto open = [&](const fs::path& path) {
    return [&clock, path] { return InputFile(path, "", clock).backup.bytes; };
  };
  CHECK(fails_with(ErrorKind::usage, "takes no stdin", open("-")));
  CHECK(fails_with(ErrorKind::usage, "pg_restore -d", open(folder.path())));
  CHECK(fails_with(ErrorKind::not_found, "nothing", open(folder.path() / "nothing")));
  CHECK(fails_with(ErrorKind::not_found, "dangling", open(folder.path() / "dangling")));
}

}  // namespace
}  // namespace pgbackup
