// Backups looked for in every destination: what a destination cannot answer, the others do. Reads
// no data of a backup: stored_dump.h does.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backup/restore/request.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/catalog.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Holds a backup and its destination.
struct FoundBackup {
  const Destination* destination = nullptr;
  Backup backup;
  bool is_future = false;  ///< dated in the future by time_of()
};

/// Returns the complete backups of all destinations, ours and the adopted ones: those that are
/// dated in the future, then the others, by group, then oldest first; of the same backup in two
/// destinations the preferred one last. Here and below, a destination that fails causes a warning;
/// when every destination fails, their errors are thrown.
[[nodiscard]] std::vector<FoundBackup> find_backups(const Destinations& destinations,
                                                    const Adoption& adoption, const Clock& clock,
                                                    Log& log);

/// Throws `corrupt`, with the reason, for a backup that is damaged, and `not_found` for one that
/// has been deleted. Warns of one that may not be of its date.
void refuse_damaged(const FoundBackup& found, Log& log);

/// Returns the backup that `request` names: the newest of ours and the adopted ones, or the one
/// with that id, from the first destination that has it undamaged. The id of an adopted one needs
/// no database. A damaged backup is passed over with a warning. So is one that is backdated, dated
/// in the future by time_of(), or whose verification has failed, unless its id is named. Throws
/// `not_found` saying where the backup was looked for, and `corrupt` when all that remain are
/// damaged.
[[nodiscard]] FoundBackup choose_backup(const Destinations& destinations,
                                        const RestoreRequest& request, const Adoption& adoption,
                                        const Clock& clock, Log& log);

/// Maps group and destination name to when the newest backup of ours began that is neither damaged,
/// backdated nor dated in the future, and whose verification has not failed, no later than `now`;
/// nullopt where there is none. A destination that does not answer is nullopt, too, and is not
/// asked for the other groups: the run that follows finds out, and fails if it still does not
/// answer.
using NewestStarts = std::map<std::pair<Group, std::string>, std::optional<UtcTime>>;

[[nodiscard]] NewestStarts newest_starts(const Destinations& destinations,
                                         const std::vector<Group>& groups, UtcTime now, Log& log);

/// Returns the start in the group and destination that are the furthest behind; nullopt when one
/// has none at all or does not answer.
[[nodiscard]] std::optional<UtcTime> furthest_behind(const NewestStarts& starts);

}  // namespace pgbackup
