// What a database held under the snapshot of its dump, so that a restore can be compared. It is
// part of the manifest. Reads nothing: backup/postgres/contents.h does.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace pgbackup {

/// Holds how many rows a table has itself, without those of its children.
struct TableRows {
  std::string schema;
  std::string table;
  uint64_t rows = 0;
  friend auto operator<=>(const TableRows&, const TableRows&) = default;
};

/// Limits how many tables a manifest names, and the bytes of all their names.
inline constexpr size_t kMostCountedTables = 2000;
inline constexpr size_t kMaxCountedBytes = size_t{256} << 10U;
/// Limits how many roles a manifest names. A database of more is restored without any.
inline constexpr size_t kMostRoles = 500;

/// Names an extension of a database, and the schema of its objects.
struct InstalledExtension {
  std::string name;
  std::string schema;
  friend auto operator<=>(const InstalledExtension&, const InstalledExtension&) = default;
};

/// Leaves out what belongs to PostgreSQL itself or to an extension.
struct DumpContents {
  uint64_t tables = 0;  ///< with partitioned ones
  uint64_t sequences = 0;
  uint64_t large_objects = 0;
  std::vector<InstalledExtension> extensions{};  ///< sorted
  std::vector<std::string> roles{};  ///< that own something or are granted something; sorted
  std::vector<TableRows> rows{};     ///< of the tables that were counted; sorted
  /// Sums up what was counted beyond kMostCountedTables. Not 0 only where all tables were counted.
  uint64_t further_tables = 0;
  uint64_t further_rows = 0;

  friend bool operator==(const DumpContents&, const DumpContents&) = default;
};

}  // namespace pgbackup
