// After a run that did not bring everything to every target: what the next try is for. Without
// this a bucket that is away for days would fill the directory beside it, a whole backup per try,
// and one broken database would have all the others dumped again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/schedule.h"
#include "common/base/utc_time.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// One backup that a run makes.
struct GroupWork {
  std::string group;
  SomeDestinations targets;  ///< at least one
};

struct RunWork {
  std::vector<GroupWork> groups;  ///< at least one
  /// When the oldest backup began of those that need not be made now; nullopt: all are made.
  std::optional<UtcTime> oldest_left_out;
};

class HeldBackups {
 public:
  /// The target has a backup of the group that began at `started`.
  void note(const std::string& group, const std::string& target, UtcTime started);
  /// The next run is for all.
  void clear() { held_since_.clear(); }
  /// Leaves out what has a backup of the present period of `schedule`, unless that would be all.
  [[nodiscard]] RunWork select(const std::vector<std::string>& groups, const Destinations& targets,
                               const Schedule& schedule, UtcTime now) const;

 private:
  std::map<std::pair<std::string, std::string>, UtcTime> held_since_;  ///< by group and target
};

}  // namespace pgbackup
