// Finds the unfinished writes of ours. What other programs left unfinished beside our backups is
// not ours to judge, costs no request, and cannot stop a run.
#pragma once

#include <vector>

#include "common/base/log.h"
#include "common/base/utc_time.h"
#include "common/store/store.h"

namespace pgbackup {

/// Returns the unfinished writes whose key is that of a backup of ours or of a write-ahead log,
/// each with the time of its last bytes. Where the time cannot be learned, the write counts as
/// alive (`now`), so that neither it nor the data beside it is swept; the log says so once. Throws
/// `canceled`, and what the listing throws.
[[nodiscard]] std::vector<UnfinishedWrite> find_unfinished(Store& store, UtcTime now, Log& log);

}  // namespace pgbackup
