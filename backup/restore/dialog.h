// `pg-backup restore` without a database on a terminal: shows the backups and asks. Restores
// nothing: restore.h does.
#pragma once

#include <stop_token>
#include <vector>

#include "backup/postgres/connection_config.h"
#include "backup/restore/choose_backup.h"

namespace pgbackup {

/// Asks which of all backups to restore. Throws `not_found` when there is none, `corrupt` for one
/// that is damaged, `canceled`.
[[nodiscard]] FoundBackup ask_which_backup(const Destinations& destinations,
                                           const Adoption& adoption, const Clock& clock, Log& log,
                                           const std::stop_token& stop);

/// Completes `request` by asking into which database to restore. Throws `canceled`.
[[nodiscard]] RestoreRequest ask_where_to(const Backup& backup, const PgConfig& pg,
                                          RestoreRequest request, const std::stop_token& stop);

}  // namespace pgbackup
