// `pg-backup serve`: one run after the other until a stop is requested. A failed run never ends it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"

namespace pgbackup {

class Daemon {
 public:
  /// `newest` answers when the newest complete backup began, `run` makes one; both may throw Error.
  Daemon(std::chrono::seconds interval, std::function<std::optional<UtcTime>()> newest,
         std::function<void()> run, Clock& clock, Log& log);

  /// Returns once `stop` is requested.
  void serve(const std::stop_token& stop);
  /// From any thread: the next run starts at once, or right after the present one.
  void run_now() { run_now_ = true; }

 private:
  void wait_until(UtcTime due, const std::stop_token& stop);
  UtcTime run_once(UtcTime due);
  UtcTime failed(const Error& error, UtcTime due);

  std::chrono::seconds interval_;
  std::function<std::optional<UtcTime>()> newest_;
  std::function<void()> run_;
  Clock& clock_;
  Log& log_;
  std::atomic<bool> run_now_ = false;
  bool looked_ = false;  ///< the store was read once
  int failures_ = 0;     ///< in a row
  UtcTime regular_due_;  ///< of the run that these failures are about
};

}  // namespace pgbackup
