// Which objects of the write-ahead logs go, and why others stay. A base backup needs the log from
// its start on, so what lies before the start of every base backup that stays is needed no more.
// Pure: the same listing, backups and times give the same plan.
//
//  - Whole segments, pieces, .partial and .backup files go when they lie before the start of each
//    base backup of their server that stays, by position. On a timeline that is newer than all of
//    these backups nothing lies before them: after a recovery to an earlier position, the log that
//    goes on has lower positions than a backup of the timeline that was left.
//  - Pieces of a segment go when the whole segment has been stored for kWriterPause.
//  - History files stay: they are tiny, and a timeline cannot be followed without them.
//  - Where no base backup of a server stays, its log goes when all of it is older than the oldest
//    base backup of any server that stays. Else all of it stays.
//  - What was written less than kLongestCheckpoint before the run, or before the begin of a base
//    backup that may be in progress, stays: the backup of a standby begins at its last checkpoint,
//    which is older than the backup.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/recovery_window.h"
#include "common/catalog/stored_log.h"

namespace pgbackup {

/// The longest time between two checkpoints: the upper limit of checkpoint_timeout.
/// https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-CHECKPOINT-TIMEOUT
inline constexpr std::chrono::days kLongestCheckpoint{1};

/// What becomes of the log of one server.
struct ServerWalPlan {
  std::string system_identifier;
  size_t kept = 0;  ///< objects, histories included
  uint64_t kept_bytes = 0;
  std::vector<const WalObject*> removed{};  ///< oldest first; they point into the log
  uint64_t removed_bytes = 0;
  std::string note{};   ///< why all of it stays, as a clause; empty where nothing hinders
  Recovery recovery{};  ///< by the base backups that stay
};

/// What becomes of all logs, by system identifier.
using WalPlan = std::vector<ServerWalPlan>;

struct WalTimes {
  UtcTime now;
  /// When the oldest base backup began that may be in progress.
  std::optional<UtcTime> in_progress{};
};

/// Decides about `logs`. `staying` are all base backups that are not certain to be gone, of all
/// servers. The result points into `logs`.
[[nodiscard]] WalPlan make_wal_plan(const StoredLogs& logs,
                                    std::span<const BaseBackup* const> staying,
                                    const WalTimes& times);

/// Makes everything stay, because of `reason`.
void keep_all_wal(WalPlan& plan, std::string_view reason);

/// Returns whether anything of the log, histories apart, was written at `since` or later.
[[nodiscard]] bool goes_on(const ServerWal& wal, UtcTime since);

/// Returns the timelines of which anything, histories apart, was written at `since` or later.
[[nodiscard]] std::set<Timeline> timelines_that_go_on(const ServerWal& wal, UtcTime since);

/// Returns when a base backup began, by its id.
[[nodiscard]] UtcTime begin_of(const BaseBackup& backup);

}  // namespace pgbackup
