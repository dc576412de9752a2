// The plan of the write-ahead logs as text: what goes, and which moments can be restored.
#pragma once

#include <string>

#include "common/base/log.h"
#include "common/store/destinations.h"
#include "prune/wal_plan.h"

namespace pgbackup {

/// Returns a block for people: the server's identifier, how many objects stay and go, the windows
/// of moments that can be restored, what is missing between them, and which base backups cannot be
/// restored.
[[nodiscard]] std::string format_wal_table(const ServerWalPlan& server);

/// Returns `{"kind":"wal","server","keep","remove","windows","stranded"}` and a newline. No other
/// line of a plan has a `"kind"`. `"keep"` and `"remove"` are `{"objects","bytes"}`; see
/// add_recovery() for the rest. `"note"` says why everything stays; where there are several
/// destinations, `"from"` names the destination.
[[nodiscard]] std::string format_wal_json(const ServerWalPlan& server,
                                          const Destination& destination);

/// Logs the same for the daemon: as warnings what is missing.
void log_wal_plan(const ServerWalPlan& server, Log& log);

/// Returns `, delete 12 objects of write-ahead logs (1.5 GiB)`; an empty string where none goes.
[[nodiscard]] std::string format_wal_summary(const WalPlan& plan);

}  // namespace pgbackup
