// How a restored server recovers: the settings that are put at the end of postgresql.auto.conf, and
// the signal file. Pure. For PostgreSQL 13 and later.
// https://www.postgresql.org/docs/current/runtime-config-wal.html#RUNTIME-CONFIG-WAL-ARCHIVE-RECOVERY
// https://www.postgresql.org/docs/current/runtime-config-wal.html#RUNTIME-CONFIG-WAL-RECOVERY-TARGET
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/catalog/wal.h"

namespace pgbackup {

/// Holds microseconds since 1970 in UTC, as a commit of PostgreSQL has them.
using CommitTime = std::chrono::sys_time<std::chrono::microseconds>;

/// Parses `2026-11-20 03:15:00.5+01:00`; a `T` may stand for the space, `Z` for the zone, and zones
/// may lack their minutes. Returns nullopt for anything else, also without a zone: nobody knows
/// which one a reader means.
[[nodiscard]] std::optional<CommitTime> parse_commit_time(std::string_view text);
/// Returns `2026-11-20 03:15:00.5+00`, without the fraction where it is zero.
[[nodiscard]] std::string format_commit_time(CommitTime time);

enum class TargetKind {
  end,        ///< all WAL that is stored
  immediate,  ///< as soon as the backup is consistent
  time,
  lsn,
  xid,
  name,  ///< of pg_create_restore_point()
};

/// Says where a recovery ends. Only the member that `kind` names counts. What commits exactly at
/// the target is restored.
struct RecoveryTarget {
  TargetKind kind = TargetKind::end;
  CommitTime time{};
  Lsn lsn{};
  uint64_t xid = 0;
  std::string name{};
};

/// Returns `the time 2026-11-20 03:15:00+00`, for messages.
[[nodiscard]] std::string describe(const RecoveryTarget& target);

/// Says what the server does at the target. Without a target it always promotes itself.
enum class TargetAction { promote, pause, shutdown };

/// Says which file makes a server recover, and whether it goes on to follow another one.
enum class Signal { recovery, standby };
/// Returns `recovery.signal` or `standby.signal`.
[[nodiscard]] std::string_view signal_name(Signal signal);

struct RecoveryRequest {
  RecoveryTarget target{};
  Timeline timeline = 0;         ///< that is recovered along
  Timeline backup_timeline = 0;  ///< on which the base backup was taken
  TargetAction action = TargetAction::promote;
  Signal signal = Signal::recovery;
  /// A standby is to go on to every later timeline, too.
  bool follows_timelines = false;
  /// The restore_command; unset: WAL lies in kCopiedWal.
  std::optional<std::string> fetch_command{};
};

/// The directory within the data directory that WAL is copied to. A server pays no attention to it.
inline constexpr std::string_view kCopiedWal = "pg_wal/from_backup";

/// Returns lines for the end of postgresql.auto.conf. Each setting of recovery has a line: what the
/// backup brings along, or postgresql.conf says, must have no effect. A backup of a standby brings
/// the connection to its primary, one of a restored server its old target.
[[nodiscard]] std::string recovery_settings(const RecoveryRequest& request);

}  // namespace pgbackup
