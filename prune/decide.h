// Decides about a store without changing anything: lists what is there, asks the policy, the locks
// and the guards. Both a run and the status page begin like this. job.h carries the plan out.
#pragma once

#include <stop_token>
#include <vector>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/utc_time.h"
#include "common/catalog/adoption.h"
#include "common/catalog/catalog.h"
#include "common/store/store.h"
#include "prune/plan.h"

namespace pgbackup {

/// Says by what is decided. The references must outlive the call.
struct DecideBy {
  const Rules& rules;
  const Adoption& adoption;
  UtcTime now;  ///< by the store's clock, read before the call
};

/// Holds what one listing shows, and the plan by that alone.
struct Look {
  Plan plan;
  Catalog catalog;  ///< without the backups, which the plan owns
};

/// Lists the store and plans by the policy. Reads no manifest. Throws what the store throws.
[[nodiscard]] Look look(Store& store, const DecideBy& by, Log& log);

/// Completes the plan of `seen` by locks, write-ahead logs and guards, for which manifests are
/// read. Returns the errors because of which a part cannot be known: what cannot be read stays.
/// Throws `canceled`, and what the store throws.
[[nodiscard]] std::vector<Error> decide(Store& store, Look& seen, Log& log,
                                        const std::stop_token& stop);

}  // namespace pgbackup
