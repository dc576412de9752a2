#include "backup/restore/input_file.h"

#include <fmt/format.h>

#include <optional>
#include <system_error>

#include "common/base/error.h"

namespace pgbackup {

namespace {

namespace fs = std::filesystem;

/// Returns the file that `path` stands for, without links.
fs::path find_file(const fs::path& path) {
  if (path == "-") {
    throw Error(ErrorKind::usage, "--input reads the file twice, and so takes no stdin",
                "write it to a file first");
  }
  std::error_code error;
  fs::path found = fs::canonical(path, error);
  if (error) {
    throw Error(ErrorKind::not_found,
                fmt::format("--input: cannot find '{}': {}", path.string(), error.message()));
  }
  if (fs::is_directory(found)) {
    throw Error(
        ErrorKind::usage,
        fmt::format("--input: '{}' is a directory, and one file is restored", path.string()),
        "pg_restore restores pg_dump's directory format: pg_restore -d DATABASE DIRECTORY");
  }
  return found;
}

}  // namespace

InputFile::InputFile(const fs::path& path, const std::string& database, const Clock& clock)
    : store(find_file(path).parent_path(), clock) {
  backup.group = Group::database(database);
  backup.id = find_file(path).filename().string();
  backup.layout = Layout::db_folder;
  backup.complete = true;
  for (const std::string& name : {backup.id, backup.id + ".sha256"}) {
    const std::optional<ObjectInfo> info = store.stat(name);
    if (info) backup.files.push_back({name, info->bytes});
    if (!info || name != backup.id) continue;
    backup.bytes = info->bytes;
    backup.time = info->modified;
  }
}

}  // namespace pgbackup
