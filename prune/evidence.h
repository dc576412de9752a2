// Reads what the guards want to know about a group: the manifests of its newest backups
// (kMostReadings), those of the backups that a counting rule keeps in place of others, which must
// be whole, and a few of other groups where these may show that this one is retired.
#pragma once

#include <span>
#include <stop_token>

#include "common/base/log.h"
#include "common/store/store.h"
#include "prune/guard.h"
#include "prune/plan.h"

namespace pgbackup {

/// `group`: the steps of one group of `plan`. Throws what the store throws, but for a manifest that
/// is damaged, of an unknown format, not to be read by us, or gone since it was listed.
[[nodiscard]] GroupFacts gather_facts(Store& store, const Plan& plan, std::span<const Step> group);

/// Asks the guards about each group in which something would be removed or is known to be damaged.
/// Where one objects, the group's removals and sweeps become keeps, and the plan says why.
void guard_plan(Store& store, Plan& plan, Log& log, const std::stop_token& stop);

}  // namespace pgbackup
