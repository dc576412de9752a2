// Ends what takes too long. A restore runs what the owner of the database wrote, and that may never
// end by itself.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace pgbackup {

class TimeLimit {
 public:
  /// Begins now, and ends with the object.
  TimeLimit(std::chrono::milliseconds limit, const std::stop_token& outer);

  /// Returns the token for what is limited. A stop is requested when the time is over, and when one
  /// is requested of `outer`.
  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }
  /// Returns whether the time was over first.
  [[nodiscard]] bool is_over() const { return is_over_; }

 private:
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_stop_;
  std::atomic<bool> is_over_ = false;
  std::mutex mutex_;
  std::condition_variable_any never_;
  std::jthread thread_;
};

}  // namespace pgbackup
