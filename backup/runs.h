// The runs of one process: every database and, where wanted, the globals, one after the other under
// one id. A failure does not stop the rest, and the daemon repeats only what failed. Ids and times
// within backups are by time_of(), which is the store's clock where it has one; times exchanged
// with the daemon are by the clock of this machine. One backup is made in dump/dump_job.h.
#pragma once

#include <atomic>
#include <map>
#include <memory>
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
  /// Keeps references to all arguments, which must outlive the object; `stop` may be assigned
  /// later.
  BackupRuns(const BackupConfig& config, const Environment& environment, Clock& clock, Log& log,
             const std::stop_token& stop);

  /// Makes a single run for everything, or with --if-due for what is due by the schedule, if
  /// anything is. Returns whether anything was due. Throws what failed, as run() does.
  [[nodiscard]] bool once();

  /// Makes the next run() be for everything. Any thread may call.
  void ask() { is_asked_ = true; }
  /// Returns the start of the newest complete backup that all groups have in all destinations;
  /// nullopt when one has none. A group with one of the present period is left out of the first
  /// run.
  [[nodiscard]] std::optional<UtcTime> newest();
  /// Makes the daemon's run: for everything, or after a failure for what is missing. Throws the
  /// failure when there is one, and `failed` naming each group that failed when there are several.
  void run();
  /// Returns the time that the run counts from: one that left groups out does not make their
  /// backups any newer.
  [[nodiscard]] UtcTime counts_from(UtcTime started) const {
    return left_out_since_.value_or(started);
  }

  /// Returns fields of a log that say what the present run is for, or the last one was: its id, and
  /// its database where it is for one alone. Empty where it has failed before its first backup. For
  /// the thread that runs.
  [[nodiscard]] LogFields about_run() const;

  /// Returns how each group stands in each destination.
  [[nodiscard]] RunStates& states() { return states_; }

 private:
  /// Says what a run is for.
  struct Goal {
    std::vector<Group> groups;
    std::vector<LeftOut> left_out;
    /// Holds the databases of `left_out` that have backups: a run that does not make the next ones
    /// has failed.
    std::map<Group, Error> lost;

    [[nodiscard]] std::vector<Group> groups_and_lost() const;
  };

  /// Holds what a run begins with.
  struct Start {
    Destinations destinations;
    Goal goal;
    RunWork work;  ///< refers to the destinations
  };

  /// Runs what comes before the first backup. A failure there is one of everything.
  template <class Body>
  decltype(auto) prepare(const Body& body);
  [[nodiscard]] Start find_start();
  [[nodiscard]] UtcTime store_time(const Destinations& destinations);
  [[nodiscard]] Goal find_goal(const Destinations& destinations, UtcTime now);
  [[nodiscard]] std::map<Group, Error> find_lost(const std::vector<LeftOut>& left_out,
                                                 const Destinations& destinations, UtcTime now);
  [[nodiscard]] RunWork select(const Goal& goal, const Destinations& destinations, UtcTime now);
  [[nodiscard]] bool is_server_there();
  [[nodiscard]] bool wait_for_server(const Group& group);
  void make(const Goal& goal, const RunWork& work, const std::optional<Schedule>& schedule);
  [[nodiscard]] std::unique_ptr<GroupBackup> make_job(const RunInfo& run,
                                                      const std::optional<Schedule>& schedule,
                                                      Clock& clock);
  [[nodiscard]] std::optional<Error> back_up_patiently(GroupBackup& job, const GroupWork& item,
                                                       UtcTime started);
  [[nodiscard]] BackupOutcome back_up(GroupBackup& job, const GroupWork& item);
  void begin(const GroupWork& item);
  void note(const GroupWork& item, const BackupOutcome& outcome, RunRecord record);
  [[nodiscard]] std::optional<UtcTime> due_after(UtcTime started) const;
  void log_failure(const std::string& run, const Group& group, const Error& error);
  void throw_failures(size_t wanted);

  const BackupConfig& config_;
  const Environment& environment_;
  ProgressCount progress_;  ///< of the backup that is being made; before what refers to it
  RunStates states_;
  Clock& clock_;
  Log& log_;
  const std::stop_token& stop_;
  bool is_once_ = false;    ///< the process ends after this run
  UtcTime counted_from_{};  ///< backups begun before are made again
  std::optional<UtcTime> left_out_since_;
  std::chrono::seconds ahead_{0};  ///< how far the store's clock is ahead of this machine's
  std::atomic<bool> is_asked_ = false;
  std::chrono::steady_clock::duration patience_{0};  ///< remainder of DB_RETRY_TIME
  // State of the present run
  std::string run_id_;  ///< empty before its first backup
  std::vector<Group> run_groups_;
  std::vector<std::pair<Group, Error>> failures_;  ///< groups and their errors
  BackupSize totals_;                              ///< of what was written, in all destinations
  std::map<std::string, int> unanswered_;  ///< by destination: backups in a row without an answer
};

}  // namespace pgbackup
