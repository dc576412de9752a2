// Takes reports to one receiver in a thread of its own, so that no run waits for a receiver, and no
// receiver for another one. There is no thread before the first report.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "common/base/log.h"
#include "common/base/secret.h"
#include "common/service/run_report.h"

namespace pgbackup {

/// Holds what is told about a run at its start or after its end.
struct Letter {
  bool is_start = false;  ///< the run has begun; `report` holds only what is known then
  RunReport report;
  Secret url{};  ///< as configured when the letter was written
};

class Courier {
 public:
  /// Hands a letter over. Runs in the thread of the courier; what it throws becomes a warning.
  using Hand = std::function<void(const Letter& letter, const std::stop_token& stop)>;

  Courier(Hand hand, Log& log);
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;
  /// Gives up what is under way, at once.
  ~Courier();

  /// Takes a letter and returns at once. Of what still waits the newest counts: the end of a run
  /// replaces what waits, a start the start. Throws when the thread cannot be started; the letter
  /// is lost then.
  void post(Letter letter);

  /// Waits until everything is delivered or given up, but no longer than until `deadline` or until
  /// `stop` is requested. Returns whether that is so.
  bool wait(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);

 private:
  void start();
  void work(const std::stop_token& stop);
  void hand_over(const Letter& letter, const std::stop_token& stop);
  [[nodiscard]] bool is_idle() const { return !end_ && !start_ && !is_busy_; }

  const Hand hand_;
  Log& log_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Letter> end_;    ///< waits; comes before `start_`
  std::optional<Letter> start_;  ///< waits
  bool is_busy_ = false;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace pgbackup
