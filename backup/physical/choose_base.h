// Which base backup a restore begins with, and which way through the write-ahead log it takes:
// decided before anything is written. Pure: stores are read by its caller.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backup/physical/recovery.h"
#include "common/base/utc_time.h"
#include "common/catalog/recovery_window.h"
#include "common/catalog/wal_listing.h"

namespace pgbackup {

struct BaseRequest {
  RecoveryTarget target{};
  std::optional<Timeline> timeline{};  ///< unset: the one whose WAL was stored last
  std::string id = "latest";           ///< of the base backup
};

struct ChosenBase {
  size_t number = 0;  ///< of the backup within those that were offered
  Timeline timeline = 0;
  std::vector<WayPart> way;           ///< from the backup's timeline to that one
  WalReach reach{};                   ///< of the WAL that is stored on this way
  std::vector<std::string> warnings;  ///< for people
};

/// Returns the newest base backup that ended before the target, and from which the stored WAL
/// reaches the target. Backups from which recovery gets to the WAL that was stored last come
/// before all others. Throws `not_found` where there is no such backup, naming the moments that
/// can be reached. Where a transaction or a restore point lies is not known: the newest backup is
/// chosen, with a warning. `logs` maps system identifiers.
[[nodiscard]] ChosenBase choose_base(std::span<const BaseBackup> backups, const StoredLogs& logs,
                                     const BaseRequest& request);

/// Returns the names of the segments that are stored on the way from `from` to `until`, in the
/// order of the way.
[[nodiscard]] std::vector<std::string> segments_between(const ServerWal& wal,
                                                        const std::vector<WayPart>& way, Lsn from,
                                                        Lsn until, uint64_t segment_bytes);

/// Returns the names of the history files of `log` that can be read.
[[nodiscard]] std::vector<std::string> history_names(const StoredLog& log);

}  // namespace pgbackup
