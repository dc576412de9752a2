// A clock that tests turn: sleeping takes no time but lets it pass.
#pragma once

#include <mutex>

#include "common/base/clock.h"

namespace pgbackup {

/// Thread-safe. Starts at 2026-11-20T03:15:00Z unless told otherwise.
class FakeClock final : public Clock {
 public:
  FakeClock() = default;
  explicit FakeClock(UtcTime now) : start_(now) {}

  [[nodiscard]] UtcTime now() const override {
    const std::lock_guard lock(mutex_);
    return start_ + std::chrono::floor<std::chrono::seconds>(passed_);
  }

  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    const std::lock_guard lock(mutex_);
    return std::chrono::steady_clock::time_point{} + std::chrono::hours(1000) + passed_;
  }

  void sleep(std::chrono::milliseconds duration, const std::stop_token& stop) override {
    if (!stop.stop_requested()) advance(duration);
  }

  void advance(std::chrono::milliseconds duration) {
    const std::lock_guard lock(mutex_);
    passed_ += duration;
  }

 private:
  mutable std::mutex mutex_;
  UtcTime start_{std::chrono::seconds(1795144500)};
  std::chrono::milliseconds passed_{0};
};

}  // namespace pgbackup
