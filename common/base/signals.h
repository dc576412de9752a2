// Turns signals into requests: TERM, INT and HUP request a stop, USR1 asks for a run now. main()
// makes one object before any thread starts; all threads then have these signals blocked and one
// thread waits for them. A HUP that is ignored at the start (nohup) stays ignored; USR2 is ignored,
// too.
#pragma once

#include <csignal>
#include <functional>
#include <stop_token>
#include <thread>

#include "common/base/fd.h"

namespace pgbackup {

class Signals {
 public:
  /// Calls `on_run_now` from the waiting thread.
  explicit Signals(std::function<void()> on_run_now = [] {});
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }

 private:
  void wait_for_signals() noexcept;
  void take_signal();

  std::function<void()> on_run_now_;
  std::stop_source stop_;
  std::stop_source end_;  ///< ends the thread
  StopFd end_fd_{end_.get_token()};
  Fd signals_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace pgbackup
