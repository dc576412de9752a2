// The state of the jobs' work, by group and destination: plain data that the jobs write, and that
// `health` and the next run read.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/error.h"
#include "common/base/utc_time.h"
#include "common/catalog/group.h"

namespace pgbackup {

/// Names the job under which backups are noted.
inline constexpr const char* kBackupJob = "backup";

/// Says how the work of one job stands for one group in one destination.
struct RunState {
  std::string job;          ///< the noun of the job: `backup`
  Group group;              ///< unnamed where the job does not tell groups apart
  std::string destination;  ///< the name of the destination; "" where there is only one
  std::optional<UtcTime> last_success{};  ///< when the last success began, by this machine's clock
  int failures = 0;                       ///< in a row, since the last success
  std::string last_error{};               ///< of the last failure, while `failures` > 0
};

/// Holds the states of all jobs of one process. Thread-safe.
class RunStates {
 public:
  void succeed(const std::string& job, const Group& group, const std::string& destination,
               UtcTime started);
  void fail(const std::string& job, const Group& group, const std::string& destination,
            const Error& error);

  /// Forgets the work of `job` for all groups but these, because the job no longer does it.
  void keep_only(const std::string& job, const std::vector<Group>& groups);

  /// Returns when the last success of that work began; nullopt where none is known.
  [[nodiscard]] std::optional<UtcTime> last_success(const std::string& job, const Group& group,
                                                    const std::string& destination) const;
  /// Returns a copy of all states, sorted by job, group and destination.
  [[nodiscard]] std::vector<RunState> all() const;

 private:
  using Key = std::tuple<std::string, Group, std::string>;

  RunState& at(const Key& key);

  mutable std::mutex mutex_;
  std::map<Key, RunState> states_;
};

/// Names the work that failed since its last success, three at most: `crm (s3), shop`. Returns an
/// empty string when there is none.
[[nodiscard]] std::string describe_failing(const std::vector<RunState>& states);

}  // namespace pgbackup
