// What the next try is for, after a run that did not bring everything to every destination. If
// every try made everything, a bucket that is unavailable for days would fill the directory beside
// it, a whole backup per try, and one broken database would have all the others dumped again. Pure:
// asks no store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/schedule.h"
#include "common/base/utc_time.h"
#include "common/service/run_state.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Names one backup that a run makes.
struct GroupWork {
  Group group;
  SomeDestinations destinations;  ///< at least one
};

struct RunWork {
  std::vector<GroupWork> groups;  ///< at least one
  /// Says when the oldest of the backups that need not be made now began; nullopt when all are
  /// made.
  std::optional<UtcTime> oldest_left_out;
};

/// Says what counts as made already.
struct PresentPeriod {
  const Schedule& schedule;
  UtcTime now;
  UtcTime counted_from{};  ///< backups begun before are made again: those before a request
};

/// Selects what has no backup of the present period, or everything when nothing is missing.
[[nodiscard]] RunWork find_pending(const RunStates& states, const std::vector<Group>& groups,
                                   const Destinations& destinations, const PresentPeriod& period);

}  // namespace pgbackup
