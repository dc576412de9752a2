// The metrics of pg-prune: what its runs were like, and what they found in the store. Pure: asks no
// store. docs/monitoring.md lists the names.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/service/metrics.h"
#include "common/service/run_metrics.h"
#include "common/service/run_state.h"
#include "prune/summary.h"

namespace pgbackup {

struct PruneFacts {
  std::vector<RunState> states{};                   ///< of all jobs
  std::map<std::string, PruneSummary> summaries{};  ///< by the name of the destination
  ProgramFacts program{};
};

/// Returns the metrics, without series for what is not known.
[[nodiscard]] std::vector<MetricFamily> prune_metrics(PruneFacts facts);

}  // namespace pgbackup
