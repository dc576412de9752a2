// Backups looked for in every destination: what a destination cannot answer, the others do.
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

/// A backup and where it lies.
struct FoundBackup {
  const Destination* destination = nullptr;
  Backup backup;
  bool is_future = false;  ///< dated so, by time_of()
};

/// The complete backups of all destinations, ours and the adopted ones: those that are dated in the
/// future, then the others, by group, then oldest first; of the same backup in two destinations the
/// preferred one last. Here and below, a destination that fails is
/// warned of; when none answers, their errors are thrown.
[[nodiscard]] std::vector<FoundBackup> find_backups(const Destinations& destinations,
                                                    const Adoption& adoption, const Clock& clock,
                                                    Log& log);

/// Throws `corrupt`, with the reason, for a backup that is damaged, and `not_found` for one that is
/// gone. Warns of one that may not be of its date.
void refuse_damaged(const FoundBackup& found, Log& log);

/// The backup that `request` names: the newest of ours and the adopted ones, or the one with that
/// id, from the first destination that has it whole. The id of an adopted one needs no database.
/// What is damaged is passed over with a warning, and so is what is backdated, or dated in the
/// future by time_of(), unless its id is named. Throws `not_found` saying where it was looked for,
/// and `corrupt` when all that is left is damaged.
[[nodiscard]] FoundBackup choose_backup(const Destinations& destinations,
                                        const RestoreRequest& request, const Adoption& adoption,
                                        const Clock& clock, Log& log);

/// When the newest backup of ours of each group began that is neither damaged nor backdated nor
/// dated in the future, no later than `now`, by group and the destination's name; nullopt where
/// there is none. Also where a destination does not answer, which then is not asked for the other
/// groups: the run that follows finds out, and fails if it still is so.
using NewestStarts = std::map<std::pair<std::string, std::string>, std::optional<UtcTime>>;

[[nodiscard]] NewestStarts newest_starts(const Destinations& destinations,
                                         const std::vector<std::string>& groups, UtcTime now,
                                         Log& log);

/// Of the group and destination that are the furthest behind; nullopt when one has none at all or
/// does not answer.
[[nodiscard]] std::optional<UtcTime> furthest_behind(const NewestStarts& starts);

}  // namespace pgbackup
