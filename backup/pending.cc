#include "backup/pending.h"

#include <algorithm>

#include "common/base/due.h"

namespace pgbackup {
void HeldBackups::note(const std::string& group, const std::string& target, UtcTime started) {
  held_since_[{group, target}] = started;
}

RunWork HeldBackups::select(const std::vector<std::string>& groups, const Destinations& targets,
                            const Schedule& schedule, UtcTime now) const {
  RunWork all;
  RunWork missing;
  for (const std::string& group : groups) {
    SomeDestinations without;
    for (const Destination& target : targets) {
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
