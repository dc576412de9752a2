// `pg-backup list`: what lies in the destinations, as a table for people or JSON for programs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/catalog/catalog.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// A complete backup and what its manifest says; an adopted one has none.
struct ListedBackup {
  Backup backup;
  std::optional<Manifest> manifest;
  std::string problem;      ///< why the manifest cannot be read
  std::string damage;       ///< why it cannot be restored; empty: nothing shows
  std::string backdating;   ///< why it may not be of its date; empty: nothing shows
  bool is_future = false;   ///< dated so, by time_of()
  std::string key;          ///< of the first data object, as other tools see it
  std::string destination;  ///< its name; empty where there is only one
};

struct Listing {
  std::vector<ListedBackup> backups;
  std::vector<DestinationFailure> failures;  ///< destinations that could not be listed
  std::map<Layout, size_t> not_adopted{};    ///< see Catalog
};

/// All complete backups, ours and the adopted ones, by group, then oldest first, then in the order
/// of the destinations. Reads every manifest; one that cannot be read is listed with its problem, a
/// damaged backup with what is wrong.
[[nodiscard]] Listing list_backups(const Destinations& destinations, const Adoption& adoption,
                                   const Clock& clock);

/// A header and a line per backup, or a sentence when there is none.
[[nodiscard]] std::string format_backup_table(const std::vector<ListedBackup>& backups);
/// A line per backup: `{group, id, time, kind, bytes, key}`, `layout` of an older system's,
/// `"held": true`, `"future": true`, `"damaged": REASON`, `"backdated": REASON`, `from` where there
/// are two destinations, and `warnings` where there are any.
[[nodiscard]] std::string format_backup_json(const std::vector<ListedBackup>& backups);

}  // namespace pgbackup
