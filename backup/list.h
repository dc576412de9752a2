// `pg-backup list`: the backups in the destinations, as a table for people or JSON for programs.
// Only reads.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/catalog/catalog.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Holds a complete backup and what its manifest says; an adopted one has no manifest.
struct ListedBackup {
  Backup backup;
  std::optional<Manifest> manifest;
  std::string problem;      ///< why the manifest cannot be read
  std::string damage;       ///< why the backup cannot be restored; empty: no damage shows
  std::string failure{};    ///< what its verification found to be wrong; empty: nothing
  std::string backdating;   ///< why the backup may not be of its date; empty: nothing shows
  bool is_future = false;   ///< dated in the future by time_of()
  std::string key;          ///< key of the first data object, as other tools see it
  std::string destination;  ///< name of the destination; empty where there is only one
};

struct Listing {
  std::vector<ListedBackup> backups;
  std::vector<DestinationFailure> failures;  ///< destinations that could not be listed
  std::map<Layout, size_t> not_adopted{};    ///< see Catalog
};

/// Returns all complete backups, ours and the adopted ones, by group, then oldest first, then in
/// the order of the destinations. Reads every manifest; a backup whose manifest cannot be read is
/// listed with its problem, a damaged one with the damage.
[[nodiscard]] Listing list_backups(const Destinations& destinations, const Adoption& adoption,
                                   const Clock& clock);

/// Returns a header and a line per backup, or a sentence when there is none.
[[nodiscard]] std::string format_backup_table(const std::vector<ListedBackup>& backups);
/// Returns a line per backup: `{group, id, time, kind, bytes, key}`, `layout` of an older system's,
/// `"verified": {at, depth}`, `"failed": REASON`, `"held": true`, `"future": true`, `"damaged":
/// REASON`, `"backdated": REASON`, `from` where there are two destinations, and `warnings` where
/// there are any.
[[nodiscard]] std::string format_backup_json(const std::vector<ListedBackup>& backups);

}  // namespace pgbackup
