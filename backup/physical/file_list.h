// The files of a base backup, as the server lists them in its backup_manifest: names, sizes and
// SHA-256. Parses the list and compares nothing: file_record.h does. Not our own manifest of a
// backup: common/catalog/manifest.h is.
// https://www.postgresql.org/docs/current/backup-manifest-format.html
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/catalog/wal.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// A stretch of the write-ahead log without which the backup cannot be used.
struct WalRange {
  Timeline timeline = 0;
  Lsn begin;
  Lsn end;
};

/// Holds about 100 bytes for each file.
class FileList {
 public:
  /// Parses the list, of version 1 or 2. Throws `corrupt` for a list that is damaged by its own
  /// checksum, or that the server does not write; `failed` for one of a later version, and for one
  /// with other checksums than SHA-256.
  explicit FileList(Source& source);

  [[nodiscard]] size_t size() const { return files_.size(); }
  /// Returns the number of the file of that name, less than size(); nullopt when it is not listed.
  [[nodiscard]] std::optional<size_t> find(std::string_view path) const;
  [[nodiscard]] std::string_view path(size_t number) const;
  [[nodiscard]] uint64_t bytes(size_t number) const { return files_.at(number).bytes; }
  /// Returns 64 hexadecimal digits.
  [[nodiscard]] std::string sha256(size_t number) const;
  [[nodiscard]] const std::vector<WalRange>& wal_ranges() const { return wal_ranges_; }
  /// Returns the identifier as PostgreSQL prints it; an empty string in a list of version 1, which
  /// does not name it.
  [[nodiscard]] const std::string& system_identifier() const { return system_identifier_; }

 private:
  static constexpr size_t kDigestBytes = 32;

  struct File {
    uint64_t begin = 0;  ///< of its name within `paths_`
    uint64_t bytes = 0;
    std::array<char, kDigestBytes> sha256{};
    uint32_t length = 0;  ///< of its name
  };
  class Reader;

  [[nodiscard]] std::string_view path_of(const File& file) const {
    return std::string_view(paths_).substr(file.begin, file.length);
  }
  void sort();

  std::string paths_;        ///< all names, one behind the other
  std::vector<File> files_;  ///< by name
  std::vector<WalRange> wal_ranges_;
  std::string system_identifier_;
};

}  // namespace pgbackup
