// One run, from the clock guard to the last deletion, in each destination separately. Prints what
// it decides before it changes anything: as tables, as JSON lines, or to the log (the daemon, whose
// output is its log). Knows no schedule: common/service/job.h does.
#pragma once

#include <cstdio>
#include <functional>
#include <stop_token>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/service/run_report.h"
#include "common/service/run_state.h"
#include "common/store/destinations.h"
#include "prune/plan.h"
#include "prune/summary.h"

namespace pgbackup {

/// Names the job under which RunStates notes prunings.
inline constexpr const char* kPruneJob = "pruning";

enum class ReportStyle { table, json, log };

struct PruneJob {
  Rules rules;
  Adoption adoption{};
  bool dry_run = false;
  ReportStyle style = ReportStyle::table;
  RunStates* states = nullptr;  ///< where it is noted how each destination went; nullptr: nowhere
  PruneSummaries* summaries = nullptr;    ///< where it is noted what was found; nullptr: nowhere
  std::function<void(Refusal)> refuse{};  ///< is told of each group that a guard leaves untouched
  std::FILE* out = stdout;                ///< where tables and JSON are printed
};

/// Holds a plan for all that can be read. What cannot be read is missing from the plan, so that
/// more is kept than the rules ask for, and is a failure of the run.
struct PlannedRun {
  Plan plan;
  std::vector<Error> failures;
};

/// Lists a store, plans and asks the guards; deletes nothing. Throws `conflict` when the clock of
/// this machine is not the store's, and what the store throws.
[[nodiscard]] PlannedRun plan_run(Store& store, const PruneJob& config, const Clock& clock,
                                  Log& log, const std::stop_token& stop);

/// Lists, plans, asks the guards and executes the plan in each destination. A destination that
/// refuses or fails does not stop the others. Notes in `states` how each destination went. Throws
/// `conflict` when a guard objects, `canceled` on a stop request, `failed` when something could not
/// be deleted, and what the stores throw; several failures are joined.
void prune_once(const Destinations& destinations, const PruneJob& config, const Clock& clock,
                Log& log, const std::stop_token& stop);

}  // namespace pgbackup
