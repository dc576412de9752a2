// The runs of one process: every database and, where wanted, the globals, one after the other under
// one id. What fails does not stop the rest, and the daemon repeats only that. Ids and times within
// backups are by time_of(), which is the store's where it has a clock; what is said to the daemon
// and asked by it is by the clock of this machine.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "backup/config.h"
#include "backup/dump/dump_job.h"
#include "backup/pending.h"
#include "common/base/clock.h"
#include "common/base/log.h"

namespace pgbackup {

class BackupRuns {
 public:
  /// All must outlive it; `stop` may be given its meaning later.
  BackupRuns(const BackupConfig& config, const Environment& environment, RunStates& states,
             Clock& clock, Log& log, const std::stop_token& stop);

  /// A single run for everything, or with --if-due for what is due by the schedule, if anything is.
  /// Throws what failed, as run() does.
  void once();

  /// From any thread: the next run() is for everything.
  void ask() { is_asked_ = true; }
  /// Start of the newest complete backup that all groups have in all destinations; nullopt when one
  /// has none. What has one of the present period is left out of the first run.
  [[nodiscard]] std::optional<UtcTime> newest();
  /// The daemon's run: for everything, or after a failure for what is missing. Throws the failure
  /// when there is one, else `failed` naming each group that failed.
  void run();
  /// A run for a part does not make the backups of the rest any newer.
  [[nodiscard]] UtcTime counts_from(UtcTime started) const {
    return left_out_since_.value_or(started);
  }

 private:
  /// What a run is for.
  struct Goal {
    std::vector<std::string> groups;
    std::vector<LeftOut> left_out;
    /// Of these, those that have backups: a run that does not make the next ones has failed.
    std::map<std::string, Error> lost;

    [[nodiscard]] std::vector<std::string> groups_and_lost() const;
  };

  [[nodiscard]] UtcTime store_time(const Destinations& destinations);
  [[nodiscard]] Goal find_goal(const Destinations& destinations, UtcTime now);
  [[nodiscard]] std::map<std::string, Error> find_lost(const std::vector<LeftOut>& left_out,
                                                       const Destinations& destinations,
                                                       UtcTime now);
  [[nodiscard]] RunWork select(const Goal& goal, const Destinations& destinations, UtcTime now);
  [[nodiscard]] bool is_server_there();
  [[nodiscard]] bool wait_for_server(const std::string& group);
  void make(const Goal& goal, const RunWork& work, const std::optional<Schedule>& schedule);
  [[nodiscard]] std::optional<Error> back_up_patiently(BackupJob& job, const GroupWork& item,
                                                       UtcTime started);
  [[nodiscard]] std::optional<Error> back_up(BackupJob& job, const GroupWork& item,
                                             UtcTime started);
  void note(const GroupWork& item, const BackupJob::Outcome& outcome, UtcTime started);
  void log_failure(const Error& error);
  void finish(size_t wanted);

  const BackupConfig& config_;
  const Environment& environment_;
  RunStates& states_;
  Clock& clock_;
  Log& log_;
  const std::stop_token& stop_;
  UtcTime counted_from_{};  ///< what began before is made again
  std::optional<UtcTime> left_out_since_;
  std::chrono::seconds ahead_{0};  ///< the store's time, of this machine's
  std::atomic<bool> is_asked_ = false;
  std::chrono::steady_clock::duration patience_{0};  ///< what is left of DB_RETRY_TIME
  // Of the present run
  std::vector<std::pair<std::string, Error>> failures_;  ///< with their groups
  std::map<std::string, int> unanswered_;                ///< by destination: backups in a row
};

}  // namespace pgbackup
