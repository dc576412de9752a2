// How far a long run is: on a terminal one line that is redrawn, in logs a line every 30 seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// `1.5 GiB of about 3.0 GiB (50 %), 210 MiB/s`; without a total only bytes and rate.
[[nodiscard]] std::string format_progress(uint64_t bytes, uint64_t total,
                                          std::chrono::milliseconds elapsed);

/// A stage that counts what passes and reports it. `total` is an estimate, 0 when unknown.
class ProgressSink final : public Sink {
 public:
  ProgressSink(Sink& next, std::string what, uint64_t total, const Clock& clock, Log& log);
  ProgressSink(const ProgressSink&) = delete;
  ProgressSink& operator=(const ProgressSink&) = delete;
  /// Clears the line on the terminal.
  ~ProgressSink() override;
  void write(std::string_view bytes) override;
  void finish() override { next_.finish(); }

 private:
  void report(std::chrono::steady_clock::time_point now);

  Sink& next_;
  std::string what_;
  uint64_t total_;
  const Clock& clock_;
  Log& log_;
  bool terminal_;
  bool drawn_ = false;
  uint64_t bytes_ = 0;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point next_report_;
};

}  // namespace pgbackup
