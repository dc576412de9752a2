// Verifications as a job beside the backups, with settings and a report of their own: the verb runs
// it once, `serve` by VERIFY_SCHEDULE.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>

#include "backup/own_settings.h"
#include "backup/program.h"
#include "backup/verify_runs.h"
#include "common/service/job.h"
#include "common/service/run_reporter.h"

namespace pgbackup {

class VerifyService final : public ServedJob {
 public:
  /// Must be made before there are threads. All arguments must outlive the object.
  VerifyService(Program& program, RunStates& states, const LogTail& tail, bool is_once);

  /// Verifies as the verb does, and tells NOTIFY_URL. `name` may be empty.
  void once(std::string_view name);

  void announce() override { job_.announce(); }
  void serve(const std::stop_token& stop) override;
  /// Judges by VERIFY_SCHEDULE alone: the largest age is that of backups.
  [[nodiscard]] Health health(std::optional<std::chrono::seconds> max_age,
                              UtcTime now) const override;

 private:
  void refresh();

  Program& program_;
  OwnSettings settings_;
  ReportConfig reports_;  ///< NOTIFY_URL alone: the other receivers are told of backups
  VerifyRuns runs_;
  RunReporter reporter_;
  Job job_;
};

}  // namespace pgbackup
