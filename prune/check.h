// The verb `check` of pg-prune: connects to every destination with the credentials in force, and
// says what the next run would fail of or refuse. Deletes no backup.
#pragma once

#include <stop_token>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "prune/config.h"
#include "prune/job.h"

namespace pgbackup {

/// Prints the findings and returns the exit code: 0 all is well, 3 something needs attention, 1
/// something could not be checked. `job` says what a run would do.
[[nodiscard]] int check_verb(const PruneConfig& config, const PruneJob& job, Clock& clock,
                             const std::stop_token& stop);

}  // namespace pgbackup
