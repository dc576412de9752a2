#include "prune/expiry.h"

#include <algorithm>

#include "prune/buckets.h"

namespace pgbackup {
namespace {

/// The end of all times, for what nothing ends.
constexpr UtcTime kNever = UtcTime::max();

/// Holds what the rules see of one group: the backups that count, oldest first.
struct Counted {
  std::span<const Candidate> backups;
  std::span<const Reasons> reasons;
  const Retention& retention;
  UtcTime now;
  const std::optional<Outlook>& outlook;
};

/// Returns when the `count`-th backup from now on is made; 1 is the next.
UtcTime time_of_next(const Counted& on, size_t count) {
  if (!on.outlook) return kNever;
  return on.outlook->next + on.outlook->period * static_cast<int64_t>(count - 1);
}

/// Returns until when a rule keeps a backup that keeps the newest `count`, of which `newer` are
/// newer than this one.
UtcTime end_of_last(const Counted& on, size_t newer, int count) {
  const auto most = static_cast<size_t>(count);
  return newer >= most ? on.now : time_of_next(on, most - newer);
}

UtcTime end_of_bucket(const Counted& on, size_t index, const BucketRule& rule) {
  if (!on.reasons[index].has(rule.reason)) return on.now;
  const UtcTime time = on.backups[index].time;
  const UtcTime by_age = periods_after(time, rule.period, on.retention.*rule.count);
  const bool is_newest = index + 1 == on.backups.size();
  const bool is_replaced = is_newest && on.outlook &&
                           bucket_of(on.outlook->next, rule.period) == bucket_of(time, rule.period);
  return is_replaced ? std::min(by_age, on.outlook->next) : by_age;
}

UtcTime end_of_rules(const Counted& on, size_t index) {
  const size_t newer = on.backups.size() - 1 - index;
  UtcTime end = on.now;
  if (on.retention.max_age) {
    end = std::max<UtcTime>(end, on.backups[index].time + *on.retention.max_age);
  }
  end = std::max(end, end_of_last(on, newer, on.retention.keep_last));
  for (const BucketRule& rule : kBucketRules) end = std::max(end, end_of_bucket(on, index, rule));
  return end;
}

/// Returns until when the lower bound keeps a backup.
UtcTime end_of_floor(const Counted& on, size_t index) {
  const bool has_ours = std::any_of(on.backups.begin(), on.backups.end(),
                                    [](const Candidate& backup) { return backup.is_ours; });
  if (has_ours && !on.backups[index].is_ours) return on.now;
  const auto newer =
      std::count_if(on.backups.begin() + static_cast<std::ptrdiff_t>(index) + 1, on.backups.end(),
                    [&](const Candidate& backup) { return backup.is_ours || !has_ours; });
  return end_of_last(on, static_cast<size_t>(newer), on.retention.min_backups);
}

}  // namespace

std::vector<std::optional<UtcTime>> kept_until(std::span<const Candidate> backups,
                                               const Retention& retention, UtcTime now,
                                               const std::optional<Outlook>& outlook) {
  const std::vector<Reasons> verdicts = apply_policy(backups, retention, now);
  std::vector<Candidate> counted;
  std::vector<Reasons> reasons;
  std::vector<size_t> places;
  for (size_t i = 0; i < backups.size(); ++i) {
    if (backups[i].is_damaged || backups[i].time > now) continue;
    counted.push_back(backups[i]);
    reasons.push_back(verdicts[i]);
    places.push_back(i);
  }
  std::vector<std::optional<UtcTime>> ends(backups.size());
  const Counted on{counted, reasons, retention, now, outlook};
  for (size_t i = 0; i < counted.size(); ++i) {
    if (counted[i].is_held) continue;
    const UtcTime end = std::max(end_of_rules(on, i), end_of_floor(on, i));
    if (end != kNever) ends[places[i]] = end;
  }
  return ends;
}

}  // namespace pgbackup
