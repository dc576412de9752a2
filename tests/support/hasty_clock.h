// A clock for code that waits for a real server and for nothing else.
#pragma once

#include "tests/support/fake_clock.h"

namespace pgbackup {

/// Tells the real steady time, and sleeps at once: only sleeping lets the time of day pass.
class HastyClock final : public Clock {
 public:
  [[nodiscard]] UtcTime now() const override { return fake_.now(); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }
  void sleep(std::chrono::milliseconds duration, const std::stop_token& stop) override {
    fake_.sleep(duration, stop);
  }
  /// Lets the time of day pass, or sets it back.
  void pass(std::chrono::seconds duration) { fake_.advance(duration); }

 private:
  FakeClock fake_;
};

}  // namespace pgbackup
