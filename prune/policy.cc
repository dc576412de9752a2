#include "prune/policy.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "common/base/error.h"

namespace pgbackup {
namespace {

/// Holds what the rules work on: the backups that are not dated in the future, oldest first.
struct Judgement {
  std::span<const Candidate> backups;
  std::span<Reasons> reasons;
  const Retention& retention;
  UtcTime now;

  void keep(size_t index, Reason reason) const { reasons[index].add(reason); }
};

void keep_held(const Judgement& on) {
  for (size_t i = 0; i < on.backups.size(); ++i) {
    if (on.backups[i].is_held) on.keep(i, Reason::held);
  }
}

void keep_within(const Judgement& on) {
  if (!on.retention.max_age) return;
  for (size_t i = on.backups.size(); i-- > 0;) {
    if (on.now - on.backups[i].time >= *on.retention.max_age) return;
    on.keep(i, Reason::within);
  }
}

void keep_last(const Judgement& on) {
  const auto count = static_cast<size_t>(on.retention.keep_last);
  for (size_t i = on.backups.size() - std::min(on.backups.size(), count); i < on.backups.size();
       ++i) {
    on.keep(i, Reason::last);
  }
}

void keep_buckets(const Judgement& on, const BucketRule& rule) {
  const int count = on.retention.*rule.count;
  if (count == 0) return;
  const UtcTime since = periods_before(on.now, rule.period, count);
  auto last = std::numeric_limits<int64_t>::max();
  for (size_t i = on.backups.size(); i-- > 0 && on.backups[i].time > since;) {
    const int64_t bucket = bucket_of(on.backups[i].time, rule.period);
    if (bucket != last) on.keep(i, rule.reason);
    last = bucket;
  }
}

/// Keeps the newest `min_backups`. Applied last; leaves a reason only where no rule keeps the
/// backup.
void keep_floor(const Judgement& on) {
  const bool has_ours = std::any_of(on.backups.begin(), on.backups.end(),
                                    [](const Candidate& backup) { return backup.is_ours; });
  int counted = 0;
  for (size_t i = on.backups.size(); i-- > 0 && counted < on.retention.min_backups;) {
    if (has_ours && !on.backups[i].is_ours) continue;
    ++counted;
    if (on.reasons[i].empty()) on.keep(i, Reason::floor);
  }
}

void keep_verified(const Judgement& on) {
  if (!on.retention.require_verified) return;
  for (size_t i = on.backups.size(); i-- > 0;) {
    if (on.backups[i].is_verified) return on.keep(i, Reason::verified);
  }
}

/// Applies the policy as if the backups of which `is_bad` is true were absent. Their own reasons
/// are `bad`, one for each backup.
std::vector<Reasons> apply_without(std::span<const Candidate> backups, bool Candidate::*is_bad,
                                   std::vector<Reasons> bad, const Retention& retention,
                                   UtcTime now) {
  std::vector<Candidate> good;
  std::copy_if(backups.begin(), backups.end(), std::back_inserter(good),
               [&](const Candidate& backup) { return !(backup.*is_bad); });
  const std::vector<Reasons> verdicts = apply_policy(good, retention, now);
  auto verdict = verdicts.begin();
  for (size_t i = 0; i < backups.size(); ++i) {
    if (!(backups[i].*is_bad)) bad[i] = *verdict++;
  }
  return bad;
}

/// Returns what is to be said of the backups whose verification has failed: they stay as long as if
/// it had not.
std::vector<Reasons> reasons_of_failed(std::span<const Candidate> backups,
                                       const Retention& retention, UtcTime now) {
  std::vector<Candidate> as_if_good(backups.begin(), backups.end());
  for (Candidate& backup : as_if_good) backup.has_failed = false;
  std::vector<Reasons> reasons = apply_policy(as_if_good, retention, now);
  for (Reasons& one : reasons) {
    if (!one.empty()) one.add(Reason::failed);
  }
  return reasons;
}

}  // namespace

bool has_rule(const Retention& retention) {
  return retention.max_age.has_value() || retention.keep_last > 0 ||
         std::any_of(kBucketRules.begin(), kBucketRules.end(),
                     [&](const BucketRule& rule) { return retention.*rule.count > 0; });
}

std::vector<Reasons> apply_policy(std::span<const Candidate> backups, const Retention& retention,
                                  UtcTime now) {
  if (!has_rule(retention)) {
    throw Error(ErrorKind::usage, "no retention policy is set: nothing says what may be deleted");
  }
  const auto has_any = [&](bool Candidate::*is_bad) {
    return std::any_of(backups.begin(), backups.end(),
                       [&](const Candidate& backup) { return backup.*is_bad; });
  };
  if (has_any(&Candidate::is_damaged)) {
    return apply_without(backups, &Candidate::is_damaged,
                         std::vector<Reasons>(backups.size(), Reason::damaged), retention, now);
  }
  if (has_any(&Candidate::has_failed)) {
    return apply_without(backups, &Candidate::has_failed,
                         reasons_of_failed(backups, retention, now), retention, now);
  }
  std::vector<Reasons> reasons(backups.size());
  size_t past = backups.size();
  while (past > 0 && backups[past - 1].time > now) reasons[--past] = Reason::future;
  const Judgement on{backups.first(past), std::span(reasons).first(past), retention, now};
  keep_held(on);
  keep_within(on);
  keep_last(on);
  for (const BucketRule& rule : kBucketRules) keep_buckets(on, rule);
  keep_floor(on);
  keep_verified(on);
  return reasons;
}

}  // namespace pgbackup
