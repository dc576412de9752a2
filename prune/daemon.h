// `serve`: a run at start and then every interval, from start to start. A run that fails is logged
// and never ends the daemon; runs never overlap.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <stop_token>

#include "common/base/clock.h"
#include "common/base/log.h"

namespace pgbackup {

class PruneDaemon {
 public:
  /// `run` is one run; what it throws is logged.
  PruneDaemon(std::chrono::seconds interval, std::function<void()> run, Clock& clock, Log& log);

  /// Ends the wait; during a run: another one follows it. From any thread.
  void run_now();

  /// Returns once `stop` is requested and a run that was going on has ended.
  void serve(const std::stop_token& stop);

 private:
  void run_logged(const std::stop_token& stop);
  std::stop_token renew_wake();

  std::chrono::seconds interval_;
  std::function<void()> run_;
  Clock& clock_;
  Log& log_;
  std::mutex mutex_;
  std::stop_source wake_;  ///< its stop request ends the wait
};

}  // namespace pgbackup
