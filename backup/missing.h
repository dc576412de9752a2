// After a run that only some targets took part in: which of them the next try is for. Without this
// a bucket that is away for days would fill the directory beside it, a whole backup per try.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/base/schedule.h"
#include "common/base/utc_time.h"
#include "common/store/targets.h"

namespace pgbackup {

class MissingTargets {
 public:
  /// The target `name` has a backup that began at `started`.
  void note(const std::string& name, UtcTime started) { held_since_[name] = started; }
  /// The next run is for all.
  void clear() { held_since_.clear(); }
  /// Takes out of `targets` those that hold a backup of the present period of `schedule`, unless
  /// that would be all. Returns when the oldest of these backups began, if there are any.
  [[nodiscard]] std::optional<UtcTime> select(Targets& targets, const Schedule& schedule,
                                              UtcTime now) const;

 private:
  std::map<std::string, UtcTime> held_since_;  ///< by name
};

}  // namespace pgbackup
