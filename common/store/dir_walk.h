// Finds the files below a directory while other programs add and remove some: what vanishes
// meanwhile is skipped, and the walk goes on. Follows no symbolic link.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace pgbackup {

/// Gets the path of a regular file, relative to the root, and what lstat() says of it.
using VisitFile = std::function<void(const std::string& path, const struct stat& info)>;

/// Directories that are nested deeper than this hold nothing of ours and are passed over.
inline constexpr int kMaxWalkDepth = 32;

/// Every file below `root`/`below` that is there from the begin of the walk to its end is visited
/// once; what comes or goes meanwhile may be. `below` is empty or ends with a slash; where there is
/// no such directory there are no files. Directories with names that no key holds (`lost+found`)
/// need not even be readable and are passed over. Throws `denied`, `not_found` or `failed` when the
/// root or `below` cannot be opened, and PartialListing in the end for what else cannot be read.
void walk_files(const std::filesystem::path& root, std::string_view below, const VisitFile& visit);

/// The Error for errno: "cannot `action` `path`: <errno text>"; `denied` for EACCES, with the hint
/// whose directory it must be.
[[nodiscard]] Error path_error(std::string_view action, const std::filesystem::path& path);
[[noreturn]] void throw_path_error(std::string_view action, const std::filesystem::path& path);

/// For the most frequent case: a mounted directory that belongs to root, in a container that does
/// not run as root.
[[nodiscard]] std::string owner_hint();

}  // namespace pgbackup
