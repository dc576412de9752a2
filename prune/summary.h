// What a run has found and left in a destination, by group: for the metrics, and kept from one run
// to the next. A summary is small, whatever the plan was.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/group.h"
#include "prune/execute.h"
#include "prune/guard.h"
#include "prune/plan.h"

namespace pgbackup {

struct GroupSummary {
  Group group{};
  size_t backups = 0;               ///< complete ones that stay
  uint64_t bytes = 0;               ///< of these
  std::optional<UtcTime> newest{};  ///< of the newest that counts
  uint64_t newest_bytes = 0;
  std::string newest_id{};                   ///< its id; empty where it is not ours
  std::optional<UtcTime> next_due{};         ///< as find_next_due() finds it
  bool is_due_read = false;                  ///< `next_due` is of the backup `newest_id`
  size_t damaged = 0;                        ///< of `backups`: what a manifest names is missing
  size_t backdated = 0;                      ///< of `backups`: stored long after its date
  size_t failed = 0;                         ///< of `backups`: their last verification has failed
  std::optional<UtcTime> newest_verified{};  ///< of the newest whose last verification has passed
  std::optional<UtcTime> last_verified{};    ///< when any of them was verified last, and passed
  size_t held = 0;                           ///< of `backups`
  size_t locked = 0;                         ///< of `backups`: no rule keeps them, but a lock does
  size_t orphaned = 0;     ///< backups without a manifest that stay, and are not in progress
  size_t in_progress = 0;  ///< backups without a manifest that may still get one
  size_t unfinished = 0;   ///< uploads that were begun and not ended, and stay
  std::vector<Guard> frozen_by{};  ///< in the order of their weight
};

struct PruneSummary {
  UtcTime listed{};                    ///< when the store was listed, by its clock
  std::vector<GroupSummary> groups{};  ///< by group, at most kMostMetricGroups
  size_t unlisted = 0;                 ///< further groups
  std::map<Guard, size_t> frozen{};    ///< groups, of all, by the guard that objects
  size_t kept = 0;                     ///< complete backups that stay, of all groups
  size_t wal_objects = 0;              ///< of write-ahead logs that stay
  uint64_t wal_bytes = 0;              ///< of these
  /// Counts what the run has deleted; nothing in a dry run.
  size_t removed = 0;
  size_t swept = 0;
  size_t wal_removed = 0;
  uint64_t freed_bytes = 0;
};

/// Sums up a run. A deletion that failed counts as done, although the next run finds the backup
/// again. `outcome` is nullopt for a dry run, in which everything stays.
[[nodiscard]] PruneSummary summarize(const Plan& plan, const std::optional<Outcome>& outcome);

/// Keeps the summary of the last run in each destination. Thread-safe.
class PruneSummaries {
 public:
  void note(const std::string& destination, PruneSummary summary);
  /// Returns a copy; an empty summary where there was no run yet.
  [[nodiscard]] PruneSummary of(const std::string& destination) const;
  /// Returns a copy, by the name of the destination.
  [[nodiscard]] std::map<std::string, PruneSummary> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, PruneSummary> summaries_;
};

}  // namespace pgbackup
