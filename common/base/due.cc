#include "common/base/due.h"

#include <algorithm>
#include <chrono>

namespace pgbackup {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

/// Returns by how much a run may begin after its due time, and by another clock before it.
seconds slack_of(UtcTime since, const Schedule& schedule) {
  if (schedule.is_interval())
    return std::min<seconds>(kClockStep, (schedule.next(since) - since) / 12);
  // Of times close to each other none may be taken for the next one: the smallest gap around
  // counts.
  const UtcTime end = schedule.next(schedule.next(since));
  seconds smallest = hours(24) * 366;
  for (UtcTime time = schedule.next(since - kClockStep - seconds(1)); time < end;) {
    const UtcTime next = schedule.next(time);
    smallest = std::min<seconds>(smallest, next - time);
    time = next;
  }
  return std::min<seconds>(kClockStep, smallest / 12);
}

}  // namespace

UtcTime next_due_after(UtcTime since, const Schedule& schedule) {
  return schedule.next(schedule.is_interval() ? since : since + slack_of(since, schedule));
}

bool is_of_present_period(UtcTime since, const Schedule& schedule, UtcTime now) {
  if (since > now) return false;
  return next_due_after(since, schedule) > now + slack_of(since, schedule);
}

UtcTime first_start(std::optional<UtcTime> newest, const Schedule& schedule, UtcTime now) {
  if (!newest || *newest > now) return now;
  return std::max(now, next_due_after(*newest, schedule));
}

UtcTime start_after_success(UtcTime started, const Schedule& schedule, UtcTime now) {
  return started > now + kClockStep ? now : std::max(now, next_due_after(started, schedule));
}

UtcTime start_after_failure(int failures, UtcTime due, const Schedule& schedule, UtcTime now) {
  constexpr int kDoublings = 6;  // 64 minutes, cut to 60
  const seconds wait = std::min(minutes(1 << std::min(failures - 1, kDoublings)), minutes(60));
  const UtcTime next_regular = schedule.next(due);
  if (next_regular > now) return std::min(now + wait, next_regular);
  // The run failed only after the next one was due, which waits all the same: no busy loop.
  return now + std::min(wait, next_regular - due);
}

UtcTime late_from(UtcTime due, seconds period) {
  return due + std::clamp<seconds>(period / 12, minutes(5), hours(2));
}

UtcTime late_from(UtcTime due, const Schedule& schedule) {
  return late_from(due, schedule.next(due) - due);
}

}  // namespace pgbackup
