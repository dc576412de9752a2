// The metrics of pg-backup, out of what the program knows of itself. Pure: asks neither PostgreSQL
// nor a store. docs/monitoring.md lists the names.
#pragma once

#include <vector>

#include "backup/physical/wal_status.h"
#include "common/base/utc_time.h"
#include "common/service/metrics.h"
#include "common/service/run_metrics.h"
#include "common/service/run_state.h"

namespace pgbackup {

struct BackupFacts {
  UtcTime now;
  std::vector<RunState> states{};  ///< of all jobs
  std::vector<WalStatus> wal{};    ///< of each stream
  ProgramFacts program{};
};

/// Returns the metrics, without series for what is not known.
[[nodiscard]] std::vector<MetricFamily> backup_metrics(BackupFacts facts);

}  // namespace pgbackup
