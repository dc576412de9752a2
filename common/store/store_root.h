// The directory of a directory store, with the prefix below it. Checks that it is still the one
// that was opened, and that it does not mix two databases where a file system ignores case.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace pgbackup {

class StoreRoot {
 public:
  /// Opens `base`. Throws `not_found` or `denied` unless it is a directory that can be read. Never
  /// makes the directory, so that a forgotten mount is noticed. `prefix` is empty or ends in a
  /// slash; the directories that it names need not exist.
  explicit StoreRoot(const std::filesystem::path& base, std::string prefix = {});

  /// Returns the directory that was opened, without the prefix.
  [[nodiscard]] const std::filesystem::path& base() const { return base_; }
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  /// Returns what keys are relative to: the prefix below the directory.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Throws `not_found` when the path no longer leads to the directory that was opened: it was
  /// unmounted or deleted, or another one was mounted over it.
  void check() const;

  /// Returns false where the file system ignores case and the first directory of `key` exists in
  /// another case: `app/...` would reach the backups of the database `App`.
  [[nodiscard]] bool is_spelled_alike(std::string_view key) const;

 private:
  std::filesystem::path base_;
  std::string prefix_;
  std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace pgbackup
