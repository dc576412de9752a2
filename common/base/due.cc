#include "common/base/due.h"

#include <algorithm>
#include <chrono>

namespace pgbackup {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

UtcTime first_start(std::optional<UtcTime> newest, const Schedule& schedule, UtcTime now) {
  if (!newest || *newest > now) return now;
  return std::max(now, schedule.next(*newest));
}

UtcTime start_after_success(UtcTime started, const Schedule& schedule, UtcTime now) {
  return started > now + kClockStep ? now : std::max(now, schedule.next(started));
}

UtcTime start_after_failure(int failures, UtcTime due, const Schedule& schedule, UtcTime now) {
  constexpr int kDoublings = 6;  // 64 minutes, cut to 60
  const seconds wait = std::min(minutes(1 << std::min(failures - 1, kDoublings)), minutes(60));
  const UtcTime next_regular = schedule.next(due);
  if (next_regular > now) return std::min(now + wait, next_regular);
  // It failed only after the next one was due, which waits all the same: no busy loop.
  return now + std::min(wait, next_regular - due);
}

UtcTime late_from(UtcTime due, seconds period) {
  return due + std::clamp<seconds>(period / 12, minutes(5), hours(2));
}

UtcTime late_from(UtcTime due, const Schedule& schedule) {
  return late_from(due, schedule.next(due) - due);
}

}  // namespace pgbackup
