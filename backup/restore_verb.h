// `pg-backup restore`: which backup, or all of a run, or a file, and where to. How one is restored
// is in backup/restore.
#pragma once

#include <string>

#include "backup/program.h"
#include "common/catalog/group.h"
#include "common/store/destinations.h"

namespace pgbackup {

void restore_verb(Program& program);

/// Returns the id of the one backup of `group` that `id` is the beginning of; other text, such as
/// `latest`, as it is. Throws as complete_backup_name() does.
[[nodiscard]] std::string complete_id(const Destinations& destinations, const Group& group,
                                      const std::string& id);

}  // namespace pgbackup
