// The only place that reads the time. Pure functions take `now`; code that waits takes a Clock, so
// that tests can let hours pass at once.
#pragma once

#include <chrono>
#include <stop_token>

#include "common/base/utc_time.h"

namespace pgbackup {

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  /// Returns the wall clock time.
  [[nodiscard]] virtual UtcTime now() const = 0;
  /// Returns a steady time for measuring and for deadlines, unaffected by changes of the clock.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const = 0;
  /// Waits for `duration`, or until `stop` is requested. Thread-safe.
  virtual void sleep(std::chrono::milliseconds duration, const std::stop_token& stop) = 0;
};

/// Reads the machine's clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] UtcTime now() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override;
  void sleep(std::chrono::milliseconds duration, const std::stop_token& stop) override;
};

/// Shows another clock's time of day, `ahead` of it.
class ShiftedClock final : public Clock {
 public:
  /// Keeps a reference to `clock`, which must outlive this object.
  ShiftedClock(Clock& clock, std::chrono::seconds ahead) : clock_(clock), ahead_(ahead) {}
  [[nodiscard]] UtcTime now() const override { return clock_.now() + ahead_; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return clock_.steady();
  }
  void sleep(std::chrono::milliseconds duration, const std::stop_token& stop) override {
    clock_.sleep(duration, stop);
  }

 private:
  Clock& clock_;
  std::chrono::seconds ahead_;
};

}  // namespace pgbackup
