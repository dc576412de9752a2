// A hold: an object beside the manifest that keeps a backup, whatever the retention rules say.
// pg-backup, which may write, makes it; pg-prune, which may delete, deletes it.
#pragma once

#include <string_view>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Holds the backup in every destination that has it complete, and leaves an existing hold there.
/// `name` is as backup_name.h has it. Throws `not_found` when no destination has the
/// backup, or when pg-prune deleted it at the same time. Throws the errors of the destinations,
/// too.
void hold_backup(const Destinations& destinations, std::string_view name, const Clock& clock,
                 Log& log);

/// Deletes the hold in every destination that has one. Throws `not_found` when there is none.
void release_backup(const Destinations& destinations, std::string_view name, Log& log);
/// Logs what release_backup() would do, and changes nothing.
void preview_release(const Destinations& destinations, std::string_view name, Log& log);

}  // namespace pgbackup
