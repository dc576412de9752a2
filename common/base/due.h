// When the daemon runs next, and when that is late: pure decisions, no clock, no store.
#pragma once

#include <chrono>
#include <optional>

#include "common/base/schedule.h"
#include "common/base/utc_time.h"

namespace pgbackup {

/// A clock that goes back by more than this was wrong before: waits by it are not kept.
inline constexpr std::chrono::minutes kClockStep{5};

/// Returns when the next run is due after one that began at `since`. Clocks of several machines
/// differ: by the calendar, a run that began within the slack before a due time is the one of that
/// time. The slack is a twelfth of the period, at most kClockStep.
[[nodiscard]] UtcTime next_due_after(UtcTime since, const Schedule& schedule);

/// Returns whether a run that began at `since` is of the period of `schedule` in which `now` lies.
/// A period begins by the slack earlier than it is due.
[[nodiscard]] bool is_of_present_period(UtcTime since, const Schedule& schedule, UtcTime now);

/// At start: at once, unless the newest success is so young that the next run is not due yet. One
/// from the future (a clock that was wrong) counts as none.
[[nodiscard]] UtcTime first_start(std::optional<UtcTime> newest, const Schedule& schedule,
                                  UtcTime now);

/// After a success that began at `started`: when the schedule says, at once when that has passed,
/// or when the clock was set back meanwhile.
[[nodiscard]] UtcTime start_after_success(UtcTime started, const Schedule& schedule, UtcTime now);

/// After the `failures`-th failure in a row (from 1) of a run that was due at `due`: in 1, 2, 4 ...
/// 60 minutes, but not later than the next regular run, nor than a period from now.
[[nodiscard]] UtcTime start_after_failure(int failures, UtcTime due, const Schedule& schedule,
                                          UtcTime now);

/// The one rule for "too old": a run due at `due` that has not succeeded is late from then on. That
/// is a twelfth of the period behind it, at least 5 minutes, at most 2 hours (daily: 26 h).
[[nodiscard]] UtcTime late_from(UtcTime due, std::chrono::seconds period);
[[nodiscard]] UtcTime late_from(UtcTime due, const Schedule& schedule);

}  // namespace pgbackup
