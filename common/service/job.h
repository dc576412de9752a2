// What a daemon does, as one or more jobs. A Job makes one run after the other by a schedule, such
// as backups, until a stop is requested. A failed run never ends a job, and the runs of one job
// never overlap.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/schedule.h"

namespace pgbackup {

/// Says what one job does. The functions may throw Error.
struct JobWork {
  std::string noun;  ///< of a run: `backup`
  Schedule schedule;
  /// Returns when the newest success began, as the store knows; called at start. Without this
  /// function a run begins at start.
  std::function<std::optional<UtcTime>()> newest;
  std::function<void()> run;
  /// Returns the time from which a success that began at `started` counts, when that is an earlier
  /// one: a run that completes an older run does not put off the next. Without this function it is
  /// `started`.
  std::function<UtcTime(UtcTime started)> counts_from{};
  /// Returns further fields of the log line of a run that has failed: what it was for.
  std::function<LogFields()> about_run{};
  /// The longest random delay of a run that is not due yet. A delayed run is not late.
  std::chrono::seconds jitter{0};
  /// Returns a time from 0 to `most`; for tests. Without this function the time is random.
  std::function<std::chrono::seconds(std::chrono::seconds most)> draw{};
};

/// Says how a job stands, for `health`.
struct JobStatus {
  UtcTime begun;                          ///< the job's own start
  std::optional<UtcTime> last_success{};  ///< when it began; from the store where `newest` told one
  std::optional<UtcTime> running_since{};  ///< when the present run began
  bool has_succeeded = false;              ///< the job itself has succeeded since its start
  int failures = 0;                        ///< in a row
  std::string last_error{};                ///< of the last failure, while `failures` > 0
};

/// Says how a job or a daemon stands.
struct Health {
  bool is_well = false;
  std::string sentence;  ///< one line
};

/// A seam: `serve` runs jobs of several classes, each in a thread of its own.
class ServedJob {
 public:
  ServedJob() = default;
  ServedJob(const ServedJob&) = delete;
  ServedJob& operator=(const ServedJob&) = delete;
  virtual ~ServedJob() = default;

  /// Says in the log what the job is going to do.
  virtual void announce() = 0;
  /// Works until `stop` is requested. Throws nothing that a later try could mend.
  virtual void serve(const std::stop_token& stop) = 0;
  /// Judges the job. `max_age` is MAX_BACKUP_AGE. May be called from any thread.
  [[nodiscard]] virtual Health health(std::optional<std::chrono::seconds> max_age,
                                      UtcTime now) const = 0;
};

class Job final : public ServedJob {
 public:
  Job(JobWork work, Clock& clock, Log& log);

  void announce() override;
  /// Runs until `stop` is requested. A run that is going on then ends first.
  void serve(const std::stop_token& stop) override;
  [[nodiscard]] Health health(std::optional<std::chrono::seconds> max_age,
                              UtcTime now) const override;
  /// Starts the next run at once, or right after the present one. May be called from any thread.
  void run_now() { run_now_ = true; }
  /// Returns a copy of the status. May be called from any thread.
  [[nodiscard]] JobStatus status() const;
  /// Returns whether a run of this process has begun, or the look at the store has failed. May be
  /// called from any thread.
  [[nodiscard]] bool has_told() const;

 private:
  void wait_until(UtcTime due, const std::stop_token& stop);
  UtcTime step(UtcTime due);
  void log_next(UtcTime due);
  [[nodiscard]] UtcTime with_jitter(UtcTime due) const;
  void log_overrun(UtcTime due, UtcTime now);
  UtcTime look();
  UtcTime run_once();
  UtcTime failed(const Error& error, UtcTime due);
  void succeeded(std::optional<UtcTime> started);
  void set_running();

  const JobWork work_;
  Clock& clock_;
  Log& log_;
  std::atomic<bool> run_now_ = false;
  bool looked_;          ///< the store was read once, or need not be
  UtcTime regular_due_;  ///< of the run that the failures are about

  mutable std::mutex mutex_;
  JobStatus status_;
};

}  // namespace pgbackup
