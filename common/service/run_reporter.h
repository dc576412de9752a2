// The seam between runs and those who watch from outside: tells the receivers that are configured
// of the start and of the end of each run. No receiver can fail or delay a run. Where nothing is
// configured nothing is done, and there is no thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/schedule.h"
#include "common/service/courier.h"
#include "common/service/notify.h"
#include "common/service/program.h"
#include "common/service/push.h"
#include "common/service/report_config.h"
#include "common/service/run_report.h"
#include "common/service/run_state.h"

namespace pgbackup {

/// Says whose runs are reported, and from where the facts come. What it refers to must outlive the
/// reporter.
struct ReportedRuns {
  std::string program;  ///< `pg-backup`
  std::string job;      ///< the noun of a run
  const RunStates& states;
  /// Says since when work is overdue; nullptr where nothing is repeated.
  const Schedule* schedule = nullptr;
  std::chrono::seconds jitter{0};  ///< the longest random delay of a run, which is not overdue then
  /// Returns the metrics. Called from the threads of couriers, with the verdict on the run.
  MetricsOf metrics;
  const LogTail* tail = nullptr;  ///< the last lines of the log, for reports of failures
  TransportFactory transports{};  ///< connects to receivers
  bool is_once = false;           ///< the process ends after the run: nobody repeats it
};

class RunReporter {
 public:
  /// Keeps references to `config`, whose URLs may change between runs, to `clock` and to `log`.
  RunReporter(ReportedRuns runs, const ReportConfig& config, Clock& clock, Log& log);
  RunReporter(const RunReporter&) = delete;
  RunReporter& operator=(const RunReporter&) = delete;
  ~RunReporter();

  /// Calls `body`, which is a run, and reports it. Throws what `body` throws.
  void run(const std::function<void()>& body);

  /// Does what run() does and then what finish() does, for a program that ends after the run.
  void run_last(const std::function<void()>& body, const std::stop_token& stop);

  /// Calls `body`, which must succeed before there can be a run, and reports its failure. Reports a
  /// success after a failure where no run is due that would. Returns and throws what `body` does.
  [[nodiscard]] std::optional<UtcTime> look(const std::function<std::optional<UtcTime>()>& body);

  /// Notes what a guard refuses. Called within a run, from its thread.
  void refuse(Refusal refusal) { refused_.push_back(std::move(refusal)); }

  /// Notes that there was nothing to do. Called as refuse() is.
  void note_idle() { present_.is_idle = true; }

  /// Waits for the receivers before the program ends: 20 s at most, and 3 s once `stop` is
  /// requested. Logs which of them did not get their report.
  void finish(const std::stop_token& stop);

 private:
  struct Receiving {
    std::string_view setting;  ///< for messages
    const Secret* url;         ///< nullptr: a file
    bool wants_starts;         ///< is told of the start of a run, too
    std::unique_ptr<Courier> courier;
  };

  void add(std::string_view setting, const Secret* url, bool wants_starts, Courier::Hand hand);
  [[nodiscard]] DeliveryMeans means() const;
  [[nodiscard]] std::vector<MetricFamily> metrics_after(const RunReport& report) const;
  [[nodiscard]] RunReport new_report() const;
  [[nodiscard]] std::vector<RunState> states_of_job() const;
  [[nodiscard]] std::vector<Work> overdue(UtcTime now) const;
  void begin() noexcept;
  void end(std::optional<Error> error) noexcept;
  void post(const RunReport& report, bool is_start);
  void warn(std::string_view what, const Error& error) noexcept;
  [[nodiscard]] bool is_due(std::optional<UtcTime> newest) const;

  const ReportedRuns runs_;
  const ReportConfig& config_;
  Clock& clock_;
  Log& log_;
  const DeliveryMeans means_;
  Notifier notifier_;
  Pusher pusher_;
  bool is_first_ = true;
  bool is_bad_ = false;  ///< the last report tells of a failure
  RunReport present_;    ///< of the run that goes on
  std::chrono::steady_clock::time_point begun_;
  std::vector<Refusal> refused_;
  std::vector<Receiving> receivers_;  // last: their threads end before what they use
};

}  // namespace pgbackup
