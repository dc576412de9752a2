// The verb `check`: connects to PostgreSQL and to every destination with the credentials in force,
// and says what is wrong before the first backup does. `serve` runs the cheap part at start.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "backup/own_settings.h"
#include "backup/program.h"
#include "common/service/job.h"

namespace pgbackup {

/// Prints the findings and returns the exit code: 0 all is well, 3 something needs attention, 1
/// something could not be checked.
[[nodiscard]] int check_verb(Program& program);

/// Looks once, when the daemon starts, at what the next backup would fail of, and warns of it. Has
/// a thread and settings of its own, and writes nothing, so that it neither delays nor fails a
/// backup. Keeps what it found for `health` until a run has told more. Always well: whether a
/// backup is late is for its job to say.
class StartCheck final : public ServedJob {
 public:
  /// `is_told` says whether a run has begun or ended since the start. All arguments must outlive
  /// the object.
  StartCheck(OwnSettings& settings, Program& program, std::function<bool()> is_told)
      : settings_(settings), program_(program), is_told_(std::move(is_told)) {}

  void announce() override {}
  void serve(const std::stop_token& stop) override;
  [[nodiscard]] Health health(std::optional<std::chrono::seconds> max_age,
                              UtcTime now) const override;

 private:
  OwnSettings& settings_;
  Program& program_;
  std::function<bool()> is_told_;
  mutable std::mutex mutex_;
  std::string summary_;
};

}  // namespace pgbackup
