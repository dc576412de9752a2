// Which backups of one group stay, and why. Pure: no store, no clock, no other group. A backup
// stays if any rule keeps it; each rule is a row of policy.cc that leaves its reason behind.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "common/base/utc_time.h"
#include "prune/reason.h"

namespace pgbackup {

/// What is known about one complete backup.
struct Candidate {
  UtcTime time;
  bool is_ours = true;      ///< not an older system's
  bool is_held = false;     ///< until it is released
  bool is_damaged = false;  ///< it cannot be restored
};

struct Retention {
  std::optional<std::chrono::seconds> max_age{};  ///< that age or more is out
  int keep_last = 0;
  /// One per hour for so many hours, and so on; 0: no such rule.
  int keep_hourly = 0;
  int keep_daily = 0;
  int keep_weekly = 0;
  int keep_monthly = 0;
  int keep_yearly = 0;
  int min_backups = 1;  ///< a floor, no rule
};

/// False when nothing says what may go: nothing must be removed then.
[[nodiscard]] bool has_rule(const Retention& retention);

/// One set of reasons per backup, in their order. `backups` are the complete ones of one group,
/// oldest first. Calendar periods are those of the process's time zone. Throws `usage` without a
/// rule.
///
/// - The future: a clock was wrong. Kept, and for all other purposes not there.
/// - Damaged ones: the same. What cannot be restored must not take the place of what can.
/// - Buckets: the newest backup of each hour, day, ISO week, month and year that is younger than N
///   periods: hours, 24 h and 7 d as they elapse, months and years by the calendar.
/// - Each rule counts for itself: what one keeps still fills the buckets of the others.
/// - The floor: the newest `min_backups` stay whatever the rules say. Those of older systems count
///   only where there is none of ours.
/// Empty: it goes.
[[nodiscard]] std::vector<Reasons> apply_policy(std::span<const Candidate> backups,
                                                const Retention& retention, UtcTime now);

}  // namespace pgbackup
