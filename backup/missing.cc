#include "backup/missing.h"

#include <algorithm>
#include <chrono>

namespace pgbackup {
namespace {

constexpr std::chrono::minutes kMostSlack{5};

/// A run may begin so much after it was due, and by another clock so much before.
std::chrono::seconds slack_of(UtcTime since, const Schedule& schedule) {
  const UtcTime due = schedule.next(since);
  return std::min<std::chrono::seconds>(kMostSlack, (schedule.next(due) - due) / 12);
}

}  // namespace

UtcTime next_due_after(UtcTime since, const Schedule& schedule) {
  return schedule.next(schedule.is_interval() ? since : since + slack_of(since, schedule));
}

bool is_of_present_period(UtcTime since, const Schedule& schedule, UtcTime now) {
  if (since > now) return false;
  return next_due_after(since, schedule) > now + slack_of(since, schedule);
}

void MissingBackups::note(const std::string& group, const std::string& target, UtcTime started) {
  held_since_[{group, target}] = started;
}

RunWork MissingBackups::select(const std::vector<std::string>& groups, const Targets& targets,
                               const Schedule& schedule, UtcTime now) const {
  RunWork all;
  RunWork missing;
  for (const std::string& group : groups) {
    SomeTargets without;
    for (const StoreTarget& target : targets) {
      const auto since = held_since_.find({group, target.name()});
      const bool is_held =
          since != held_since_.end() && is_of_present_period(since->second, schedule, now);
      if (!is_held) {
        without.push_back(&target);
      } else {
        missing.oldest_left_out =
            std::min(missing.oldest_left_out.value_or(since->second), since->second);
      }
    }
    if (!without.empty()) missing.groups.push_back({group, std::move(without)});
    all.groups.push_back({group, all_of(targets)});
  }
  return missing.groups.empty() ? all : missing;
}

}  // namespace pgbackup
