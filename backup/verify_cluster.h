// The deepest verification of a base backup: unpacks it with the WAL that it needs, lets a server
// of our own recover to the end of that, and looks at what is there. Leaves nothing behind.
#pragma once

#include <string>
#include <vector>

#include "backup/config.h"
#include "backup/physical/base_backups.h"
#include "backup/postgres/client_program.h"
#include "backup/verify/read_check.h"
#include "common/store/store.h"

namespace pgbackup {

/// Returns the `postgres` that can start a base backup of `server_version`: of the same major
/// version. Throws `usage` where there is none, and as root.
[[nodiscard]] ClientProgram find_server_of(int server_version, const VerifyMeans& means);

/// Returns what was looked at, and what could not be, one sentence each. Throws `corrupt` where the
/// backup is to blame, and any other error where nothing is known of it.
[[nodiscard]] std::vector<std::string> check_cluster_restore(Store& store, const FoundBase& base,
                                                             const ClientProgram& program,
                                                             const BackupConfig& config,
                                                             const VerifyMeans& means);

}  // namespace pgbackup
