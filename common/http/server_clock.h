// Learns the server's clock from the Date of replies: the time there, and the correction of what a
// machine with a wrong clock signs. Never sets any clock.
// https://aws.amazon.com/blogs/developer/clock-skew-correction/
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "common/base/clock.h"

namespace pgbackup {

/// Keeps the last Date and the correction. Thread-safe. `clock` must outlive it.
class ServerClock {
 public:
  explicit ServerClock(const Clock& clock) : clock_(clock) {}

  void note(UtcTime date);
  /// Returns the server's time, from the Date of a reply that is at most `max_age` old; nullopt
  /// without one.
  [[nodiscard]] std::optional<UtcTime> time(std::chrono::seconds max_age) const;

  /// Returns what to add to the local time before signing.
  [[nodiscard]] std::chrono::seconds offset() const;
  /// Corrects the offset: `date` is the server's time when the local clock showed `local`, and
  /// `used` is the offset of the refused signature. Returns the new offset, or nullopt when signing
  /// again would not help.
  std::optional<std::chrono::seconds> correct(UtcTime date, UtcTime local,
                                              std::chrono::seconds used);

 private:
  struct ServerDate {
    UtcTime time;
    std::chrono::steady_clock::time_point at;
  };

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::optional<ServerDate> last_;
  std::chrono::seconds offset_{0};
};

/// Returns whether a refusal without a body may be about the time: the clocks differ by far, well
/// below the 15 minutes that servers allow.
[[nodiscard]] bool is_far_off(UtcTime date, UtcTime signed_at);

}  // namespace pgbackup
