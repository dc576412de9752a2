// Object Lock, as pg-backup notes it in a manifest: what is still locked is kept and says so. In a
// versioned bucket, and a lock needs one, a plain DELETE of a locked object succeeds and only hides
// it: the store's refusal cannot be relied on.
#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/utc_time.h"
#include "common/store/store.h"
#include "prune/plan.h"

namespace pgbackup {

/// What a manifest says about its lock.
struct LockReading {
  size_t step = 0;  ///< in the plan
  std::optional<UtcTime> locked_until = std::nullopt;
  std::optional<Error> failure = std::nullopt;  ///< why it could not be read
};

/// Reads the manifests of the backups of ours that `plan` removes, no others. Those of which
/// nothing is to be said have no reading: they may be a million. What cannot be read is logged.
/// Throws `canceled`, and `transient` when the store does not answer.
[[nodiscard]] std::vector<LockReading> read_locks(Store& store, const Plan& plan, Log& log,
                                                  const std::stop_token& stop);

/// Turns removals into keeps. Pure. `readings` as from read_locks() of this plan:
///  - locked at plan.now: kept;
///  - a damaged manifest: left to the guards, which then object;
///  - a manifest that cannot or may not be read, or is gone since it was listed: kept.
void apply_locks(Plan& plan, std::span<const LockReading> readings);

/// Those of `readings` that fail the run: a manifest is there and its backup stays because of it.
[[nodiscard]] std::vector<Error> lock_failures(std::span<const LockReading> readings);

}  // namespace pgbackup
