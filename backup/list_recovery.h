// `pg-backup list`, below the backups: which moments the stored base backups and WAL can restore.
// Only reads.
#pragma once

#include <string>
#include <vector>

#include "backup/list.h"
#include "common/base/log.h"
#include "common/catalog/recovery_window.h"

namespace pgbackup {

/// Says what a destination can restore of a server.
struct ListedRecovery {
  std::string system_identifier;
  std::string destination;  ///< its name; empty where there is only one
  Recovery recovery;
};

struct RecoveryListing {
  std::vector<ListedRecovery> recovery;
  std::vector<DestinationFailure> failures;  ///< destinations whose WAL could not be listed
};

/// Returns it for each server and destination that has an undamaged base backup among `backups`.
/// Lists the WAL of these servers.
[[nodiscard]] RecoveryListing list_recovery(const Destinations& destinations,
                                            const std::vector<ListedBackup>& backups, Log& log);

/// Returns a block for people for each of them, with an empty line before it.
[[nodiscard]] std::string format_recovery_table(const std::vector<ListedRecovery>& listed);
/// Returns a line for each: `{"kind":"wal","server"}`, what add_recovery() adds, and `from` where
/// there are two destinations.
[[nodiscard]] std::string format_recovery_json(const std::vector<ListedRecovery>& listed);

}  // namespace pgbackup
