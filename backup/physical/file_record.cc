#include "backup/physical/file_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/printable.h"

namespace pgbackup {

size_t FileRecord::expect(std::string_view path, uint64_t bytes) {
  const std::optional<size_t> number = list_.find(path);
  if (!number) {
    throw Error(ErrorKind::corrupt, fmt::format("the archive holds {}, which the backup_manifest "
                                                "does not list",
                                                short_line(path)));
  }
  if (list_.bytes(*number) != bytes) {
    throw Error(ErrorKind::corrupt, fmt::format("{} has {} bytes, the backup_manifest says {}",
                                                short_line(path), bytes, list_.bytes(*number)));
  }
  if (has_come_[*number]) {
    throw Error(ErrorKind::corrupt, fmt::format("the archives hold {} twice", short_line(path)));
  }
  has_come_[*number] = true;
  return *number;
}

void FileRecord::check(size_t number, std::string_view sha256) const {
  if (list_.sha256(number) == sha256) return;
  throw Error(ErrorKind::corrupt,
              fmt::format("the SHA-256 of {} does not match the backup_manifest",
                          short_line(list_.path(number))));
}

void FileRecord::require_all() const {
  const auto missing = std::find(has_come_.begin(), has_come_.end(), false);
  if (missing == has_come_.end()) return;
  throw Error(
      ErrorKind::corrupt,
      fmt::format(
          "the archives lack {} of {} files, {} among them",
          std::count(has_come_.begin(), has_come_.end(), false), has_come_.size(),
          short_line(list_.path(static_cast<size_t>(std::distance(has_come_.begin(), missing))))));
}

}  // namespace pgbackup
