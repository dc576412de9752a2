// After a run that did not bring everything to every destination: what the next try is for. Without
// this a bucket that is away for days would fill the directory beside it, a whole backup per try,
// and one broken database would have all the others dumped again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/schedule.h"
#include "common/base/utc_time.h"
#include "common/service/run_state.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// One backup that a run makes.
struct GroupWork {
  std::string group;
  SomeDestinations destinations;  ///< at least one
};

struct RunWork {
  std::vector<GroupWork> groups;  ///< at least one
  /// When the oldest backup began of those that need not be made now; nullopt: all are made.
  std::optional<UtcTime> oldest_left_out;
};

/// The job of RunStates that backups are noted under.
inline constexpr const char* kBackupJob = "backup";

/// Says what counts as made already.
struct PresentPeriod {
  const Schedule& schedule;
  UtcTime now;
  UtcTime counted_from{};  ///< what began before is made again, such as before a request for a run
};

/// Selects what has no backup of the present period, or all where nothing is missing.
[[nodiscard]] RunWork find_pending(const RunStates& states, const std::vector<std::string>& groups,
                                   const Destinations& destinations, const PresentPeriod& period);

}  // namespace pgbackup
