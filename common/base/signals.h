// Signals become requests: TERM and INT request a stop, USR1 asks for a run now. main() makes one
// object before any thread starts; all threads then have these signals blocked and one thread
// waits.
#pragma once

#include <csignal>
#include <functional>
#include <stop_token>
#include <thread>

namespace pgbackup {

class Signals {
 public:
  /// `on_run_now` is called from the waiting thread.
  explicit Signals(std::function<void()> on_run_now = [] {});
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }

 private:
  void wait_for_signals();

  sigset_t watched_{};
  std::function<void()> on_run_now_;
  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace pgbackup
