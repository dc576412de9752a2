// `pg-backup list`: what lies in the store, as a table for people or JSON for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/catalog/catalog.h"
#include "common/store/store.h"

namespace pgbackup {

/// A complete backup and what its manifest says.
struct ListedBackup {
  Backup backup;
  std::optional<Manifest> manifest;
  std::string problem;  ///< why there is no manifest
  std::string key;      ///< of the first data object, as other tools see it
};

/// All complete backups, by group and then oldest first. Reads every manifest; one that cannot be
/// read is listed with its problem.
[[nodiscard]] std::vector<ListedBackup> list_backups(Store& store);

/// A header and a line per backup, or a sentence when there is none.
[[nodiscard]] std::string format_backup_table(const std::vector<ListedBackup>& backups);
/// A line per backup: `{group, id, time, kind, bytes, key}`, and `warnings` where there are any.
[[nodiscard]] std::string format_backup_json(const std::vector<ListedBackup>& backups);

}  // namespace pgbackup
