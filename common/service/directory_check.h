// Looks at a directory that holds backups: whether it can be written to and deleted from, and how
// much room it has. Leaves nothing behind.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "common/service/finding.h"
#include "common/store/store.h"

namespace pgbackup {

/// Writes, reads and deletes a file in `folder`, that of a backup with an id of its own.
[[nodiscard]] Findings check_writing(Store& store, const std::string& folder,
                                     const std::string& area);

/// Finds the directories of backups from which nothing can be deleted.
[[nodiscard]] Findings check_deleting(const std::filesystem::path& root, const std::string& area);

/// Compares the free space with `need`, the size of the next backups; nullopt where that is not
/// known.
[[nodiscard]] Findings check_space(const std::filesystem::path& root, std::optional<uint64_t> need,
                                   const std::string& area);

}  // namespace pgbackup
