// Which backups of one group stay, and why. Pure: no store, no clock, no other group. A backup
// stays if any rule keeps it; each rule is a function of policy.cc that leaves its reason behind.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "common/base/utc_time.h"
#include "prune/buckets.h"
#include "prune/reason.h"

namespace pgbackup {

/// Holds what is known about one complete backup.
struct Candidate {
  UtcTime time;
  bool is_ours = true;       ///< false for a backup of an older system
  bool is_held = false;      ///< until `pg-prune release`
  bool is_damaged = false;   ///< it cannot be restored
  bool has_failed = false;   ///< its last verification found that it cannot be restored
  bool is_verified = false;  ///< its last verification has passed
};

struct Retention {
  std::optional<std::chrono::seconds>
      max_age{};  ///< a backup of this age or older is not kept by this rule
  int keep_last = 0;
  /// Keeps one backup per hour for so many hours, and so on; 0 means no such rule.
  int keep_hourly = 0;
  int keep_daily = 0;
  int keep_weekly = 0;
  int keep_monthly = 0;
  int keep_yearly = 0;
  int min_backups = 1;            ///< a lower bound, not a rule
  bool require_verified = false;  ///< keeps the newest verified one, too; not a rule either
};

/// A rule that keeps one backup of each calendar period.
struct BucketRule {
  int Retention::*count;
  Period period;
  Reason reason;
};
inline constexpr std::array<BucketRule, 5> kBucketRules = {{
    {&Retention::keep_hourly, Period::hour, Reason::hourly},
    {&Retention::keep_daily, Period::day, Reason::daily},
    {&Retention::keep_weekly, Period::week, Reason::weekly},
    {&Retention::keep_monthly, Period::month, Reason::monthly},
    {&Retention::keep_yearly, Period::year, Reason::yearly},
}};

/// Returns whether any rule is set. Nothing must be deleted without one.
[[nodiscard]] bool has_rule(const Retention& retention);

/// Returns one set of reasons per backup, in the order of `backups`; an empty set means that no
/// rule keeps the backup. `backups` are the complete ones of one group, oldest first. Calendar
/// periods are those of the process's time zone. Throws `usage` without a rule.
///
///  - The future: a clock was wrong. Such backups are kept, and otherwise treated as absent.
///  - Damaged backups are treated likewise: what cannot be restored must not take the place of what
///    can.
///  - Backups whose verification has failed take no place either, but stay no longer than they
///  would
///    if they were good: what a failed verification says of a good one deletes nothing earlier.
///  - Buckets: the newest backup of each hour, day, ISO week, month and year that is younger than N
///    periods is kept. Hours, days of 24 h and weeks of 7 d count as they elapse, months and years
///    by the calendar.
///  - Each rule counts by itself: what one keeps still fills the buckets of the others.
///  - The lower bound: the newest `min_backups` stay whatever the rules say. Those of older systems
///    count only where there is none of ours.
[[nodiscard]] std::vector<Reasons> apply_policy(std::span<const Candidate> backups,
                                                const Retention& retention, UtcTime now);

}  // namespace pgbackup
