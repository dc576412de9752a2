// A hold: an object beside the manifest by which a backup stays, whatever the rules say. pg-backup,
// which may write, puts it there; pg-prune, which may delete, takes it away.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Appends a sentence when `name` is not GROUP/ID. `verb`: hold or release, for the sentence.
void check_backup_name(std::string_view verb, std::string_view name,
                       std::vector<std::string>& problems);

/// Holds the backup in every destination that has it complete; one that is held already is fine.
/// `name` has passed check_backup_name(). Throws `not_found` when no destination has it, or when
/// pg-prune removed it at the same time, and what the destinations throw.
void hold_backup(const Destinations& destinations, std::string_view name, const Clock& clock,
                 Log& log);

/// Takes the hold away wherever there is one. Throws `not_found` when there is none.
void release_backup(const Destinations& destinations, std::string_view name, Log& log);
/// Only says what release_backup() would do.
void preview_release(const Destinations& destinations, std::string_view name, Log& log);

}  // namespace pgbackup
