// Reads what the guards want to know about a group: the manifests of its newest backups
// (kMostReadings), and those of the backups that a counting rule keeps in place of others, which
// must be complete and undamaged. Where other groups may show that this one is retired, reads a few
// of their manifests. Decides nothing: guard.h does.
#pragma once

#include <optional>
#include <span>
#include <stop_token>

#include "common/base/log.h"
#include "common/store/store.h"
#include "prune/guard.h"
#include "prune/plan.h"

namespace pgbackup {

/// Returns the facts about `group`, the steps of one group of `plan`. Throws what the store throws,
/// except for a manifest that is damaged, of an unknown format, not readable by us, or gone since
/// the listing.
[[nodiscard]] GroupFacts gather_facts(Store& store, const Plan& plan, std::span<const Step> group);

/// Returns when the next backup is due after `newest`, the newest of its group, as its manifest
/// says. Returns nullopt where the manifest says nothing or cannot be read, and where that time is
/// long past and later runs go on without the database, because it was dropped. Throws `transient`
/// and `canceled`.
[[nodiscard]] std::optional<UtcTime> read_next_due(Store& store, const Plan& plan,
                                                   const Backup& newest);

/// Asks the guards about each group in which a backup, or a part of the write-ahead logs, would be
/// deleted, or a backup is known to be damaged.
/// Where a guard objects, turns every deletion and sweep of the group into a keep, and adds the
/// objection to the plan.
void guard_plan(Store& store, Plan& plan, Log& log, const std::stop_token& stop);

}  // namespace pgbackup
