// What the WAL of a server is, asked over a replication connection.
#pragma once

#include "backup/physical/wal_archive.h"
#include "backup/physical/wal_start.h"
#include "backup/postgres/replication.h"

namespace pgbackup {

/// Asks the server where it stands, and for the history of its timeline.
[[nodiscard]] ServerPosition read_position(ReplicationConnection& server);

/// Stores the history file of `timeline`; timeline 1 has none. Throws `conflict` where the store
/// holds another one, which tells of a server that branched off elsewhere.
void store_history(ReplicationConnection& server, WalArchive& archive, Timeline timeline);

}  // namespace pgbackup
