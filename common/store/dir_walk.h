// Finds the files below a directory while other programs add and delete some: files that vanish
// meanwhile are skipped, and the walk goes on. Follows no symbolic link.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace pgbackup {

/// Receives the path of a regular file, relative to the root, and what lstat() says about the file.
using VisitFile = std::function<void(const std::string& path, const struct stat& info)>;

/// The deepest level of directories that is walked. Deeper ones hold nothing of ours and are
/// skipped.
inline constexpr int kMaxWalkDepth = 32;

/// Visits once every file whose path relative to `root` starts with `prefix` and that is there from
/// the start of the walk to its end, and perhaps files that come or go meanwhile. Directories with
/// names that no key holds (`lost+found`) are skipped and need not be readable. Throws `denied`,
/// `not_found` or `failed` when the root or the directory that `prefix` names cannot be opened, and
/// PartialListing at the end when anything else cannot be read.
void walk_files(const std::filesystem::path& root, std::string_view prefix, const VisitFile& visit);

/// Returns the Error for errno: "cannot `action` `path`: <errno text>". Its kind is `denied` for
/// EACCES, with a hint about the owner of the directory.
[[nodiscard]] Error path_error(std::string_view action, const std::filesystem::path& path);
[[noreturn]] void throw_path_error(std::string_view action, const std::filesystem::path& path);

/// Returns the hint for the most frequent case: a mounted directory that belongs to root, in a
/// container that does not run as root.
[[nodiscard]] std::string owner_hint();

}  // namespace pgbackup
