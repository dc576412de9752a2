// A hold: an object beside the manifest that keeps a backup, whatever the retention rules say.
// pg-backup, which may write, makes it; pg-prune, which may delete, deletes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Appends a sentence when `name` is not GROUP/ID. `verb` is hold or release, for the sentence.
void check_backup_name(std::string_view verb, std::string_view name,
                       std::vector<std::string>& problems);

/// Holds the backup in every destination that has it complete, and leaves an existing hold there.
/// `name` must have passed check_backup_name(). Throws `not_found` when no destination has the
/// backup, or when pg-prune deleted it at the same time. Throws the errors of the destinations,
/// too.
void hold_backup(const Destinations& destinations, std::string_view name, const Clock& clock,
                 Log& log);

/// Deletes the hold in every destination that has one. Throws `not_found` when there is none.
void release_backup(const Destinations& destinations, std::string_view name, Log& log);
/// Logs what release_backup() would do, and changes nothing.
void preview_release(const Destinations& destinations, std::string_view name, Log& log);

}  // namespace pgbackup
