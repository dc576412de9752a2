// What the Date of replies tells of the server's clock: the time there, and by how much a machine
// whose own clock is wrong must correct what it signs. Never sets any clock.
// https://aws.amazon.com/blogs/developer/clock-skew-correction/
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "common/base/clock.h"

namespace pgbackup {

/// Thread-safe. `clock` must outlive it.
class ServerClock {
 public:
  explicit ServerClock(const Clock& clock) : clock_(clock) {}

  void note(UtcTime date);
  /// The server's time, from the Date of a reply that is at most `max_age` old.
  [[nodiscard]] std::optional<UtcTime> time(std::chrono::seconds max_age) const;

  /// Add this to the local time before signing.
  [[nodiscard]] std::chrono::seconds offset() const;
  /// Takes `date` for the time at which the local clock showed `local`. `used` is the offset of the
  /// refused signature. The offset from now on; nullopt: signing again would not help.
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

/// Whether a refusal without a body may be about the time: far enough off, well below the 15
/// minutes that servers allow.
[[nodiscard]] bool is_far_off(UtcTime date, UtcTime signed_at);

}  // namespace pgbackup
