// `pg-backup restore --input FILE`: a dump that lies in a file, whoever wrote it.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/clock.h"
#include "common/catalog/catalog.h"
#include "common/store/dir_store.h"

namespace pgbackup {

/// Holds a file as a backup of an older system: of the file alone, and `FILE.sha256` where there is
/// one.
struct InputFile {
  /// Opens the file as the dump of `database`, which may be "". Throws `usage` for what is no file,
  /// `not_found`.
  InputFile(const std::filesystem::path& path, const std::string& database, const Clock& clock);

  DirStore store;
  Backup backup{};
};

}  // namespace pgbackup
