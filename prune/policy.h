// Which backups of one group stay, and why. Pure: no store, no clock, no other group. A backup
// stays if any rule keeps it; each rule is a row of policy.cc that leaves its reason behind.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/catalog.h"

namespace pgbackup {

struct Retention {
  std::optional<std::chrono::seconds> max_age;  ///< S3_BACKUP_MAX_AGE: that age or more goes
  int min_backups = 1;                          ///< RETENTION_MIN_BACKUPS: a floor, no rule
};

/// False when nothing says what may go: nothing must be removed then.
[[nodiscard]] bool has_rule(const Retention& retention);

/// What becomes of one backup; at least one reason either way.
struct Verdict {
  bool keep = false;
  std::vector<std::string> reasons;
};

/// One verdict per backup, in their order. `backups` are the complete ones of one group, oldest
/// first. Throws `usage` without a rule.
[[nodiscard]] std::vector<Verdict> apply_policy(std::span<const Backup* const> backups,
                                                const Retention& retention, UtcTime now);

}  // namespace pgbackup
