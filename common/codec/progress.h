// Shows the progress of a long run: on a terminal as one line that is redrawn, in logs as a line
// every 30 seconds.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// Returns `1.5 GiB of about 3.0 GiB (50 %), 210 MiB/s`; without a total only bytes and rate.
[[nodiscard]] std::string format_progress(uint64_t bytes, uint64_t total,
                                          std::chrono::milliseconds elapsed);

/// Shows to other threads how far a piece of work is.
struct ProgressCount {
  std::atomic<uint64_t> bytes = 0;
  std::atomic<uint64_t> total = 0;  ///< an estimate; 0: unknown
};

/// Says what passes through a ProgressSink.
struct ProgressOf {
  std::string what;
  uint64_t total = 0;              ///< an estimate in bytes; 0: unknown
  ProgressCount* count = nullptr;  ///< where it is counted, too, from 0 on; nullptr: nowhere
};

/// Counts what passes through this stage. A thread of its own reports the count, so that a
/// standstill shows, too.
class ProgressSink final : public Sink {
 public:
  ProgressSink(Sink& next, ProgressOf work, Clock& clock, Log& log);
  ProgressSink(const ProgressSink&) = delete;
  ProgressSink& operator=(const ProgressSink&) = delete;
  /// Clears the line on the terminal.
  ~ProgressSink() override;
  void write(std::string_view bytes) override;
  void finish() override { next_.finish(); }

 private:
  void report_until(const std::stop_token& stop);
  void report() const;

  Sink& next_;
  std::string what_;
  ProgressCount own_;
  ProgressCount& count_;
  Clock& clock_;
  Log& log_;
  bool terminal_;
  std::chrono::steady_clock::time_point started_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace pgbackup
