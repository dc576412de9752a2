// What the WAL of a server is, asked over a replication connection.
#pragma once

#include <optional>

#include "backup/physical/wal_archive.h"
#include "backup/physical/wal_start.h"
#include "backup/postgres/replication.h"
#include "common/base/utc_time.h"

namespace pgbackup {

/// Asks the server where it stands, and for the history of its timeline.
[[nodiscard]] ServerPosition read_position(ReplicationConnection& server);

/// Returns whether the server is a standby.
[[nodiscard]] bool is_standby(ReplicationConnection& server);

/// Stores the history file of `timeline`; timeline 1 has none. Throws `conflict` where the store
/// holds another one, which tells of a server that branched off elsewhere.
void store_history(ReplicationConnection& server, WalArchive& archive, Timeline timeline);

/// Returns the time by the server's own clock; nullopt where it does not tell within seconds, for
/// whatever reason. The connection serves nothing else afterwards.
[[nodiscard]] std::optional<UtcTime> ask_time(ReplicationConnection& server);

}  // namespace pgbackup
