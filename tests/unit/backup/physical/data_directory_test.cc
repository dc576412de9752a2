#include "backup/physical/data_directory.h"

#include <filesystem>
#include <string>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// The first 16 bytes of a global/pg_control of PostgreSQL 15.
const std::string kControl("\x89\x82\x61\x18\x7f\x44\x0b\x6b\x14\x05\x00\x00\x25\x77\x0d\x0c", 16);
constexpr const char* kSystem = "7713334099462685321";

/// Goes to a directory and back.
class CurrentDirectory {
 public:
  explicit CurrentDirectory(const fs::path& path) : before_(fs::current_path()) {
    fs::current_path(path);
  }
  CurrentDirectory(const CurrentDirectory&) = delete;
  CurrentDirectory& operator=(const CurrentDirectory&) = delete;
  ~CurrentDirectory() { fs::current_path(before_); }

 private:
  fs::path before_;
};

TEST_CASE("The data directory is found from a file in pg_wal, or from within") {
  const TemporaryFolder folder;
  folder.write("data/global/pg_control", kControl);
  folder.write("data/pg_wal/00000002.history", "");
  folder.write("elsewhere/00000002.history", "");
  const fs::path data = folder.path() / "data";
  CHECK(find_data_directory(data / "pg_wal/00000002.history") == data);
  CHECK_FALSE(find_data_directory(folder.path() / "elsewhere/00000002.history"));
  CHECK_FALSE(find_data_directory(data / "00000002.history"));
  CHECK_FALSE(find_data_directory("00000002.history"));

  const CurrentDirectory within(data);
  CHECK(find_data_directory("pg_wal/RECOVERYXLOG") == ".");
  CHECK(find_data_directory(folder.path() / "elsewhere/00000002.history") == ".");
  fs::create_directory_symlink(folder.path() / "elsewhere", data / "linked");
  CHECK(read_system_id(*find_data_directory(data / "linked/00000002.history")) == kSystem);
  CHECK(system_id_near("pg_wal/RECOVERYXLOG") == kSystem);
}

TEST_CASE("Without a data directory the system identifier is asked for") {
  const TemporaryFolder folder;
  CHECK(fails_with(ErrorKind::usage, "--system-id",
                   [&] { return system_id_near(folder.path() / "pg_wal/00000002.history"); }));
}

TEST_CASE("The control file tells the system identifier") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& bytes) {
    folder.write("global/pg_control", bytes);
    return read_system_id(folder.path());
  };
  CHECK(read(kControl) == kSystem);
  CHECK(read(kControl + std::string(8176, '\0')) == kSystem);
  for (const std::string& bytes :
       {std::string(), kControl.substr(0, 8), kControl.substr(0, 9), std::string(8192, '\0'),
        std::string(8, '\0') + kControl.substr(8), std::string(8192, '\xff'),
        kControl.substr(0, 8) + std::string("\x00\x00\x05\x14", 4),
        std::string("text, not numbers")}) {
    CHECK(fails_with(ErrorKind::corrupt, "pg_control is not of PostgreSQL",
                     [&] { return read(bytes); }));
  }
  fs::remove_all(folder.path() / "global");
  CHECK(fails_with(ErrorKind::not_found, "pg_control",
                   [&] { return read_system_id(folder.path()); }));
}

TEST_CASE("A standby is told by its signal file") {
  const TemporaryFolder folder;
  CHECK_FALSE(is_standby(folder.path()));
  folder.write("recovery.signal", "");
  CHECK_FALSE(is_standby(folder.path()));
  folder.write("standby.signal", "");
  CHECK(is_standby(folder.path()));
}

}  // namespace
}  // namespace pgbackup
