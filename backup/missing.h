// After a run that only some targets took part in: which of them the next try is for. Without this
// a bucket that is away for days would fill the directory beside it, a whole backup per try.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/schedule.h"
#include "common/base/utc_time.h"
#include "common/store/targets.h"

namespace pgbackup {

class MissingTargets {
 public:
  /// `holders` have the backup that began at `started`, and others do not.
  void note_partial(const std::vector<std::string>& holders, UtcTime started);
  /// All have it, or are to be asked again.
  void clear() { held_since_.clear(); }
  /// Takes out of `targets` those that hold a backup of the present period of `schedule`, unless
  /// that would be all.
  void select(Targets& targets, const Schedule& schedule, UtcTime now) const;

 private:
  std::map<std::string, UtcTime> held_since_;  ///< by name
};

}  // namespace pgbackup
