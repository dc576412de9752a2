// `pg-backup list`: the backups in the destinations, as a table for people or JSON for programs.
// Only reads.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/options.h"
#include "common/catalog/catalog.h"
#include "common/catalog/parallel_read.h"
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
  std::string distrust;     ///< why it is not signed as BACKUP_VERIFY_KEY wants; empty: it is
  bool is_future = false;   ///< dated in the future by time_of()
  std::string key;          ///< key of the first data object, as other tools see it
  std::string destination;  ///< name of the destination; empty where there is only one
};

/// Holds what `list` is asked for.
struct ListRequest {
  std::string since{};  ///< a moment as `restore --at` has it
  int newest = 0;       ///< backups of each database; 0: all
  bool latest = false;  ///< one of each
};

/// Returns rows of the option table. The rows point into `request`, which must outlive them.
[[nodiscard]] std::vector<Option> list_options(ListRequest& request);
/// Parses `--since`: as parse_at_time() does, but a date alone is the begin of that day.
[[nodiscard]] std::optional<UtcTime> parse_since(std::string_view text);
/// Appends what is wrong, one sentence each.
void check_list(const ListRequest& request, std::vector<std::string>& problems);

/// Names a database that is wanted and has no complete backup in a destination.
struct NeverBackedUp {
  Group group;
  std::string destination;  ///< as in ListedBackup
};

struct Listing {
  std::vector<ListedBackup> backups;
  std::vector<DestinationFailure> failures;  ///< destinations that could not be listed
  std::map<Layout, size_t> not_adopted{};    ///< see Catalog
  /// Holds which of `wanted` of the filter, and of the groups of the newest run that is listed,
  /// have no backup at all.
  std::vector<NeverBackedUp> never{};
};

/// Says which backups are wanted. Manifests of others are not read.
struct ListFilter {
  std::string database{};          ///< as GROUP of GROUP/ID; empty: all
  std::string id{};                ///< an id or its beginning; empty: all
  std::optional<UtcTime> since{};  ///< made at this moment or later
  int newest = 0;                  ///< so many of each group in each destination; 0: all
  std::vector<Group> wanted{};     ///< groups that are to have backups
};

/// Says how manifests are read: by several readers where destinations can be opened again.
struct ListReaders {
  OpenAgain open{};
  std::stop_token stop{};
  const AgeKeys* keys = nullptr;  ///< open the private parts; nullptr: nothing does
};

/// Returns the complete backups that `filter` wants, ours and the adopted ones, by group, then
/// oldest first, then in the order of the destinations. A backup whose manifest cannot be read is
/// listed with its problem, a damaged one with the damage.
[[nodiscard]] Listing list_backups(const Destinations& destinations, const Adoption& adoption,
                                   const Clock& clock, const ListFilter& filter = {},
                                   const ListReaders& readers = {});

/// Returns a header, a line for each of `never` and one per backup, or a sentence when there is
/// none. Ages are by `now`.
[[nodiscard]] std::string format_backup_table(const std::vector<ListedBackup>& backups, UtcTime now,
                                              const std::vector<NeverBackedUp>& never = {});
/// Returns a line for each of `never`, `{group, kind, "never": true}` and `from`, and one per
/// backup: `{group, id, time, kind, bytes, key}`, `layout` of an older system's,
/// `"verified": {at, depth}`, `"failed": REASON`, `"held": true`, `"future": true`, `"damaged":
/// REASON`, `"backdated": REASON`, `"not_signed": REASON`, `from` where there are two destinations,
/// and `warnings` where there are any, of an encrypted backup only how many; from the manifest
/// `format`, `server`, `seconds` and `uncompressed_bytes`, `part` of a partial dump, and
/// `recipients` of an encrypted backup.
[[nodiscard]] std::string format_backup_json(const std::vector<ListedBackup>& backups,
                                             const std::vector<NeverBackedUp>& never = {});
/// Returns everything that is known about one backup, a line per fact; ages are by `now`.
[[nodiscard]] std::string format_backup_details(const ListedBackup& listed, UtcTime now);

}  // namespace pgbackup
