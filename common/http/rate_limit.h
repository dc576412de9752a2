// Limits the rate of bytes in each direction, over all connections that share the limit. Uses our
// own clock, because libcurl forgets its receive limit once a transfer was paused (8.22, 8.23).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stop_token>

#include "common/base/clock.h"

namespace pgbackup {

/// Limits sending and receiving. Each call books the next free span of time for its bytes and waits
/// until that span is over. So connections get their turns in order, and an idle one takes nothing
/// from the others. Thread-safe. `clock` must outlive the limit.
class RateLimit {
 public:
  /// Limits each direction to `bytes_per_second`; zero: no bound.
  RateLimit(uint64_t bytes_per_second, Clock& clock) : rate_(bytes_per_second), clock_(clock) {}

  /// Waits until `bytes` may have been sent; returns early once `stop` is requested.
  void send(size_t bytes, const std::stop_token& stop) { pass(sending_, bytes, stop); }
  void receive(size_t bytes, const std::stop_token& stop) { pass(receiving_, bytes, stop); }

  /// Returns `bytes`, or what the rate lets pass in an eighth of a second where that is less: few
  /// enough for even sending and short waits. The result is at least 1.
  [[nodiscard]] size_t step(size_t bytes) const;

 private:
  struct Lane {
    std::chrono::steady_clock::time_point free_at{};
  };

  void pass(Lane& lane, size_t bytes, const std::stop_token& stop);
  [[nodiscard]] std::chrono::nanoseconds book(Lane& lane, size_t bytes);

  uint64_t rate_;
  Clock& clock_;
  std::mutex mutex_;
  Lane sending_;
  Lane receiving_;
};

}  // namespace pgbackup
