// Finds the unfinished writes of ours: what other programs left unfinished beside us is not ours to
// judge, costs no request, and cannot stop a run.
#pragma once

#include <vector>

#include "common/base/log.h"
#include "common/base/utc_time.h"
#include "common/store/store.h"

namespace pgbackup {

/// Those whose key is that of a backup of ours, each with the time of its last bytes. Where that
/// time cannot be learned, the write counts as alive (`now`), so that neither it nor the data
/// beside it is swept, and the log says so once. Throws `canceled`, and what the listing throws.
[[nodiscard]] std::vector<UnfinishedWrite> find_unfinished(Store& store, UtcTime now, Log& log);

}  // namespace pgbackup
