// Converts between instants and local times in the process's zone (see time_zone.h). mktime() is of
// no use: which of two repeated hours it takes depends on earlier calls. libc is asked only for the
// offset at an instant. Nothing here reads the time (see clock.h). Thread-safe after
// set_time_zone().
#pragma once

#include <chrono>

#include "common/base/utc_time.h"

namespace pgbackup {

/// Returns how far local time is ahead of UTC; negative west of Greenwich.
[[nodiscard]] std::chrono::seconds offset_at(UtcTime time);

[[nodiscard]] std::chrono::local_seconds to_local(UtcTime time);

/// Returns the instant of a local time. Takes the first instant of a local time that comes twice,
/// and the end of the gap for one that is skipped. A later local time never gives an earlier
/// instant.
[[nodiscard]] UtcTime first_instant(std::chrono::local_seconds time);

/// Holds a change of the clock: the offset before the instant `at`, and the offset from then on.
/// Equal offsets mean that there is no change.
struct Shift {
  UtcTime at;
  std::chrono::seconds before;
  std::chrono::seconds after;
};

/// Returns the change that decides which instants `time` stands for.
[[nodiscard]] Shift shift_around(std::chrono::local_seconds time);
/// Returns the change in the day that follows `time`, or somewhat later.
[[nodiscard]] Shift shift_after(UtcTime time);

/// Converts an instant to local time with a known offset.
[[nodiscard]] inline std::chrono::local_seconds to_local(UtcTime time,
                                                         std::chrono::seconds offset) {
  return std::chrono::local_seconds(time.time_since_epoch() + offset);
}
[[nodiscard]] inline UtcTime to_utc(std::chrono::local_seconds time, std::chrono::seconds offset) {
  return UtcTime(time.time_since_epoch() - offset);
}

}  // namespace pgbackup
