#include "backup/missing.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace pgbackup {
namespace {

/// A run may begin a little after it was due: the next regular one is for all.
constexpr std::chrono::minutes kSlack{5};

}  // namespace

void MissingTargets::note_partial(const std::vector<std::string>& holders, UtcTime started) {
  for (const std::string& name : holders) held_since_[name] = started;
}

void MissingTargets::select(Targets& targets, const Schedule& schedule, UtcTime now) const {
  const auto holds = [&](const StoreTarget& target) {
    const auto since = held_since_.find(target.name());
    if (since == held_since_.end() || since->second > now) return false;
    return schedule.next(since->second) > now + kSlack;
  };
  if (!std::all_of(targets.begin(), targets.end(), holds)) std::erase_if(targets, holds);
}

}  // namespace pgbackup
