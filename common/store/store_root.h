// The directory that a directory store lives in: still the one that was opened, and without two
// databases in one directory where a file system ignores case.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

namespace pgbackup {

class StoreRoot {
 public:
  /// Throws `not_found` or `denied` unless `path` is a directory that can be read. It is made by
  /// nobody here, so that a forgotten mount is noticed.
  explicit StoreRoot(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Throws `not_found` when the path no longer leads to the directory that was opened: it was
  /// unmounted, removed, or another one was mounted over it.
  void check() const;

  /// False where the file system ignores case and the first directory of `key` is there in another
  /// case: `app/...` would reach the backups of the database `App`.
  [[nodiscard]] bool is_spelled_alike(std::string_view key) const;

 private:
  std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace pgbackup
