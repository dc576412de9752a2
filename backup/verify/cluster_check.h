// Looks at a restored server: whether each of its databases can be connected to, and whether
// pg_amcheck finds damage in its tables and indexes.
// https://www.postgresql.org/docs/current/app-pgamcheck.html
#pragma once

#include <string>
#include <vector>

#include "backup/verify/read_check.h"
#include "backup/verify/restored_server.h"

namespace pgbackup {

/// Returns what was looked at, and what could not be, one sentence each. Throws `corrupt` where a
/// database cannot be connected to or pg_amcheck finds something, and `failed` where that says
/// nothing of the backup. Indexes are looked at only where the server sorts as it did when they
/// were made: another version of a collation would look like damage.
[[nodiscard]] std::vector<std::string> check_cluster(const RestoredServer& server,
                                                     const VerifyMeans& means);

}  // namespace pgbackup
