// Local times in the process's zone (see time_zone.h) and the instants that they stand for.
// mktime() is of no use: which of two repeated hours it takes depends on what it was asked before.
// All that is asked of libc is the offset at an instant. Nothing here knows what time it is (see
// clock.h). Thread-safe after set_time_zone().
#pragma once

#include <chrono>

#include "common/base/utc_time.h"

namespace pgbackup {

/// What local time is ahead of UTC; west of Greenwich it is negative.
[[nodiscard]] std::chrono::seconds offset_at(UtcTime time);

[[nodiscard]] std::chrono::local_seconds to_local(UtcTime time);

/// A local time that comes twice: its first instant; one that is skipped: the end of the gap.
/// A later local time never gives an earlier instant.
[[nodiscard]] UtcTime first_instant(std::chrono::local_seconds time);

/// A change of the clock: the offset before `at`, and from then on. Equal: no change.
struct Shift {
  UtcTime at;
  std::chrono::seconds before;
  std::chrono::seconds after;
};

/// The change that decides what instants `time` stands for.
[[nodiscard]] Shift shift_around(std::chrono::local_seconds time);
/// The change in the day that follows `time`, or somewhat later.
[[nodiscard]] Shift shift_after(UtcTime time);

/// With an offset that is known.
[[nodiscard]] inline std::chrono::local_seconds to_local(UtcTime time,
                                                         std::chrono::seconds offset) {
  return std::chrono::local_seconds(time.time_since_epoch() + offset);
}
[[nodiscard]] inline UtcTime to_utc(std::chrono::local_seconds time, std::chrono::seconds offset) {
  return UtcTime(time.time_since_epoch() - offset);
}

}  // namespace pgbackup
