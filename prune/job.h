// One run, from the clock guard to the last removal, in each destination for itself. What it
// decides is printed before anything is touched: as tables, as JSON lines, or to the log (the
// daemon, whose output is its log).
#pragma once

#include <cstdio>
#include <stop_token>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/service/run_state.h"
#include "common/store/destinations.h"
#include "prune/plan.h"

namespace pgbackup {

/// The job of RunStates that prunings are noted under.
inline constexpr const char* kPruneJob = "pruning";

enum class ReportStyle { table, json, log };

struct PruneJob {
  Rules rules;
  Adoption adoption{};
  bool dry_run = false;
  ReportStyle style = ReportStyle::table;
  std::FILE* out = stdout;  ///< of tables and JSON
};

/// Has a look, a plan, guards and an outcome for each destination: what one refuses or fails to do
/// does not stop the others. Throws `conflict` when a guard objects, `canceled` on a stop request,
/// `failed` when something could not be removed, and what the stores throw; several failures are
/// joined.
/// Notes in `states` how each destination went.
void prune_once(const Destinations& destinations, const PruneJob& config, RunStates& states,
                const Clock& clock, Log& log, const std::stop_token& stop);

}  // namespace pgbackup
