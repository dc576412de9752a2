// Object Lock, as pg-backup notes it in a manifest: a backup that is still locked is kept, and the
// plan says so. In a versioned bucket, which a lock requires, a plain DELETE of a locked object
// succeeds and only hides the object. So the store's refusal cannot be relied on.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
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

/// Holds what a manifest says about the lock of its backup.
struct LockReading {
  size_t step = 0;  ///< index in the plan
  std::optional<UtcTime> locked_until = std::nullopt;
  std::optional<Error> failure = std::nullopt;  ///< why the manifest could not be read
};

/// Reads the manifests of those backups of ours that `plan` deletes, and no others. Returns no
/// reading for a backup that is neither locked nor unreadable, since there may be a million of
/// them. Logs what cannot be read. Throws `canceled`, and `transient` when the store does not
/// answer.
[[nodiscard]] std::vector<LockReading> read_locks(Store& store, const Plan& plan, Log& log,
                                                  const std::stop_token& stop);

/// Turns deletions into keeps. Pure. `readings` are those of read_locks() for this plan:
///  - A backup that is locked at plan.now is kept.
///  - A damaged manifest is left to the guards, which then object.
///  - A manifest that cannot or may not be read, or is gone since the listing, keeps its backup.
void apply_locks(Plan& plan, std::span<const LockReading> readings);

/// Returns the errors in `readings` that fail the run: the manifest exists, and its backup is kept
/// because it cannot be read.
[[nodiscard]] std::vector<Error> lock_failures(std::span<const LockReading> readings);

}  // namespace pgbackup
