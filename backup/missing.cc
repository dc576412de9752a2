#include "backup/missing.h"

#include <algorithm>
#include <chrono>

namespace pgbackup {
namespace {

/// A run may begin a little after it was due: the next regular one is for all.
constexpr std::chrono::minutes kMostSlack{5};

/// Whether what began at `since` is of the period in which `now` lies.
bool is_present(UtcTime since, const Schedule& schedule, UtcTime now) {
  if (since > now) return false;
  const UtcTime due = schedule.next(since);
  return due > now + std::min<std::chrono::seconds>(kMostSlack, (due - since) / 12);
}

}  // namespace

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
      const bool is_held = since != held_since_.end() && is_present(since->second, schedule, now);
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
