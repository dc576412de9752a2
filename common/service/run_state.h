// The state of the jobs' work, by group and destination: plain data that the jobs write, and from
// which `health`, the metrics and the next run are made.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/base/error.h"
#include "common/base/utc_time.h"
#include "common/catalog/backup_run.h"
#include "common/catalog/group.h"
#include "common/codec/progress.h"

namespace pgbackup {

/// Names the job under which backups are noted.
inline constexpr const char* kBackupJob = "backup";
/// Names the job under which verifications are noted.
inline constexpr const char* kVerifyJob = "verification";

enum class RunResult {
  success,
  failure,
  refused,  ///< going on would have done harm: exit code 3
};
inline constexpr std::array<std::string_view, 3> kRunResults = {"success", "failure", "refused"};

/// Says how one run of a job went for one group in one destination.
struct RunRecord {
  UtcTime began;  ///< by this machine's clock
  std::chrono::milliseconds taken{0};
  std::optional<Error> error{};      ///< nullopt: it has succeeded
  std::optional<BackupSize> size{};  ///< of the backup that was made
  std::optional<StageTimes> stages{};
  /// When the next run is due by the schedule, once this one has succeeded; nullopt: there is none.
  std::optional<UtcTime> next_due{};
};

/// Says how the last run of a process went.
struct LastRun {
  UtcTime began;
  std::chrono::milliseconds taken{0};
  int exit_code = 0;  ///< what the process would end with if it made this run alone
};

/// Says how far the run is that goes on.
struct PresentRun {
  UtcTime since;
  std::optional<uint64_t> bytes{};  ///< uncompressed, so far; nullopt: they are not counted
  uint64_t estimate = 0;            ///< of all; 0: unknown
};

/// Says how the work of one job stands for one group in one destination.
struct RunState {
  std::string job;          ///< the noun of the job: `backup`
  Group group;              ///< unnamed where the job does not tell groups apart
  std::string destination;  ///< the name of the destination; "" where there is only one
  std::optional<UtcTime> last_success{};  ///< when the last success began, by this machine's clock
  std::optional<UtcTime> last_failure{};  ///< when the last failure of a run began
  int failures = 0;                       ///< in a row, since the last success
  std::string last_error{};               ///< of the last failure, while `failures` > 0
  std::optional<LastRun> last_run{};      ///< of this process
  std::array<uint64_t, kRunResults.size()> runs{};  ///< of this process, by RunResult
  std::optional<BackupSize> size{};                 ///< of the last success of this process
  std::optional<StageTimes> stages{};               ///< of the last success of this process
  std::optional<PresentRun> running{};              ///< nullopt: no run goes on
  std::optional<UtcTime> next_due{};  ///< when the next success is due; in the past: overdue
};

/// Names work of one job: a group in a destination. Orders by name.
struct Work {
  Group group;
  std::string destination;

  friend auto operator<=>(const Work&, const Work&) = default;
};

/// Returns `app (s3)`, without control characters; the noun of the job where it does not tell
/// groups apart.
[[nodiscard]] std::string work_name(const Work& work, const std::string& job);

/// Holds the states of all jobs of one process. Thread-safe.
class RunStates {
 public:
  /// Notes a success that was no run of this process, or has no end: a backup that the store has,
  /// a stream that works. `next_due` is when the next one is due by the schedule.
  void succeed(const std::string& job, const Group& group, const std::string& destination,
               UtcTime started, std::optional<UtcTime> next_due = std::nullopt);
  /// Notes a failure of such work.
  void fail(const std::string& job, const Group& group, const std::string& destination,
            const Error& error);

  /// Notes that a run goes on. `progress`, which may be null, must outlive the object.
  void begin(const std::string& job, const Group& group, const std::string& destination,
             UtcTime now, const ProgressCount* progress);
  /// Notes how a run has ended.
  void finish(const std::string& job, const Group& group, const std::string& destination,
              const RunRecord& record);

  /// Notes a run that ended before it came to any group: it has failed for all that is known of
  /// `job`, or for the job as a whole where nothing is.
  void finish_all(const std::string& job, const RunRecord& record);

  /// Forgets the work of `job` for all groups but these, because the job no longer does it.
  void keep_only(const std::string& job, const std::vector<Group>& groups);

  /// Returns when the last success of that work began; nullopt where none is known.
  [[nodiscard]] std::optional<UtcTime> last_success(const std::string& job, const Group& group,
                                                    const std::string& destination) const;
  /// Returns a copy of all states, sorted by job, group and destination.
  [[nodiscard]] std::vector<RunState> all() const;

 private:
  using Key = std::tuple<std::string, Group, std::string>;
  struct Entry {
    RunState state;
    const ProgressCount* progress = nullptr;  ///< of state.running
  };

  RunState& at(const Key& key);

  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;
};

/// Names the work that failed since its last success, three at most: `crm (s3), shop`. Returns an
/// empty string when there is none.
[[nodiscard]] std::string describe_failing(const std::vector<RunState>& states);

}  // namespace pgbackup
