// The directory of a directory store. Checks that it is still the one that was opened, and that it
// does not mix two databases where a file system ignores case.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

namespace pgbackup {

class StoreRoot {
 public:
  /// Opens `path`. Throws `not_found` or `denied` unless it is a directory that can be read. Never
  /// makes the directory, so that a forgotten mount is noticed.
  explicit StoreRoot(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Throws `not_found` when the path no longer leads to the directory that was opened: it was
  /// unmounted or deleted, or another one was mounted over it.
  void check() const;

  /// Returns false where the file system ignores case and the first directory of `key` exists in
  /// another case: `app/...` would reach the backups of the database `App`.
  [[nodiscard]] bool is_spelled_alike(std::string_view key) const;

 private:
  std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace pgbackup
