// The record of which files of a list have come while a base backup is unpacked, and whether they
// were right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "backup/physical/file_list.h"

namespace pgbackup {

/// Keeps the record of the files that have come. Reads no file itself.
class FileRecord {
 public:
  /// `list` must outlive the record.
  explicit FileRecord(const FileList& list) : list_(list), has_come_(list.size(), false) {}

  /// Returns the number of a file that begins to come. Throws `corrupt` when it is not listed, is
  /// listed with another size, or has come before.
  [[nodiscard]] size_t expect(std::string_view path, uint64_t bytes);
  /// Takes the SHA-256 of all that has come of that file. Throws `corrupt` when it is another one.
  void check(size_t number, std::string_view sha256) const;
  /// Throws `corrupt`, naming the first, unless every listed file has come.
  void require_all() const;

 private:
  const FileList& list_;
  std::vector<bool> has_come_;
};

}  // namespace pgbackup
