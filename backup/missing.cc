#include "backup/missing.h"

#include <algorithm>
#include <chrono>

namespace pgbackup {
namespace {

/// A run may begin a little after it was due: the next regular one is for all.
constexpr std::chrono::minutes kSlack{5};

}  // namespace

std::optional<UtcTime> MissingTargets::select(Targets& targets, const Schedule& schedule,
                                              UtcTime now) const {
  const auto holds = [&](const StoreTarget& target) {
    const auto since = held_since_.find(target.name());
    if (since == held_since_.end() || since->second > now) return false;
    return schedule.next(since->second) > now + kSlack;
  };
  if (std::all_of(targets.begin(), targets.end(), holds)) return std::nullopt;
  std::optional<UtcTime> oldest;
  for (const StoreTarget& target : targets) {
    if (holds(target)) oldest = std::min(oldest.value_or(now), held_since_.at(target.name()));
  }
  std::erase_if(targets, holds);
  return oldest;
}

}  // namespace pgbackup
