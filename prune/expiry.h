// When backups that are kept today will no longer be: the policy turned from "now" to "until".
// Pure, as the policy is.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "common/base/utc_time.h"
#include "prune/policy.h"

namespace pgbackup {

/// Says how backups go on: the next one at `next`, and one each `period` from then on.
struct Outlook {
  UtcTime next;  ///< later than every backup
  std::chrono::seconds period{0};
};

/// Returns for each of `backups`, which are as apply_policy() takes them, the first time at which
/// apply_policy() would not keep it; `now` where it does not keep it today. Returns nullopt where
/// no time ends it: for what is held, damaged or dated in the future, and for what only newer
/// backups would replace while no `outlook` says that there will be any.
[[nodiscard]] std::vector<std::optional<UtcTime>> kept_until(std::span<const Candidate> backups,
                                                             const Retention& retention,
                                                             UtcTime now,
                                                             const std::optional<Outlook>& outlook);

}  // namespace pgbackup
