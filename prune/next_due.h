// Finds out for the metrics when the next backup of each group is due, after a run. Decides
// nothing.
#pragma once

#include "common/store/store.h"
#include "prune/plan.h"
#include "prune/summary.h"

namespace pgbackup {

/// Completes `summary`, which is of `plan`. Takes over what `previous`, the summary of the run
/// before, knows of backups that are still the newest; reads a manifest for each other group, and
/// for each that is late. Where the store does not answer, or a stop is requested, the rest stays
/// unknown.
void find_next_due(Store& store, const Plan& plan, const PruneSummary& previous,
                   PruneSummary& summary);

}  // namespace pgbackup
