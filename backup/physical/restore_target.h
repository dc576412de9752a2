// Where a restored cluster goes: one directory, and one for each of its tablespaces. Checks them
// before anything is written. Writes nothing: restored_directory.h does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/catalog/cluster_facts.h"

namespace pgbackup {

/// The file in a data directory that tells of a restore which has not finished.
inline constexpr const char* kUnfinishedMarker = "pg-backup-restore-unfinished";

/// Moves a tablespace: `--tablespace OLD=NEW`.
struct TablespaceMapping {
  std::string old_location;
  std::string new_location;
};

/// Parses `OLD=NEW`, two absolute paths; `\=` is an equals sign within a path, as for
/// pg_basebackup. Throws `usage` for anything else.
[[nodiscard]] TablespaceMapping parse_tablespace_mapping(std::string_view text);

/// Says where a tablespace goes.
struct TablespacePlace {
  uint32_t oid = 0;
  std::filesystem::path directory;
};

/// Returns where each tablespace goes: where it was unless a mapping names it. Throws `usage` for a
/// mapping that names no tablespace, for a place that is no absolute path, for one that two
/// tablespaces share, and for one within the data directory or around it.
[[nodiscard]] std::vector<TablespacePlace> place_tablespaces(
    const std::vector<TablespaceFacts>& tablespaces, const std::vector<TablespaceMapping>& mappings,
    const std::filesystem::path& data_directory);

/// Throws `conflict` unless the directory is absent or empty. A server's directory and an
/// unfinished restore are told apart.
void refuse_occupied(const std::filesystem::path& directory);
/// Does the same for the directory of a tablespace, which can be put elsewhere.
void refuse_occupied(const TablespacePlace& place);

struct SpaceNeed {
  std::filesystem::path directory;  ///< need not exist
  uint64_t bytes = 0;
};

/// Returns one sentence for each file system that the directories are on: `/pgdata needs about 3.0
/// GiB of 20.0 GiB`. Throws `conflict` when one has not enough.
[[nodiscard]] std::vector<std::string> require_space(const std::vector<SpaceNeed>& needs);

}  // namespace pgbackup
