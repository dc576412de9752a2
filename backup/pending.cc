#include "backup/pending.h"

#include <algorithm>
#include <utility>

#include "common/base/due.h"

namespace pgbackup {

RunWork find_pending(const RunStates& states, const std::vector<Group>& groups,
                     const Destinations& destinations, const PresentPeriod& period) {
  RunWork all;
  RunWork pending;
  for (const Group& group : groups) {
    SomeDestinations without;
    for (const Destination& destination : destinations) {
      const std::optional<UtcTime> since =
          states.last_success(kBackupJob, group, destination.name());
      const bool is_made = since && *since >= period.counted_from &&
                           is_of_present_period(*since, period.schedule, period.now);
      if (!is_made) {
        without.push_back(&destination);
      } else {
        pending.oldest_left_out = std::min(pending.oldest_left_out.value_or(*since), *since);
      }
    }
    if (!without.empty()) pending.groups.push_back({group, std::move(without)});
    all.groups.push_back({group, all_of(destinations)});
  }
  return pending.groups.empty() ? all : pending;
}

}  // namespace pgbackup
