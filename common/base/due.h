// Decides when the daemon runs next, and when that is late. The functions are pure: they read no
// clock and no store.
#pragma once

#include <chrono>
#include <optional>

#include "common/base/schedule.h"
#include "common/base/utc_time.h"

namespace pgbackup {

/// The largest step back of a clock after which waits are kept. A clock that goes back further was
/// wrong before.
inline constexpr std::chrono::minutes kClockStep{5};

/// Returns when the next run is due after one that began at `since`. Clocks of several machines
/// differ: by the calendar, a run that began within the slack before a due time is the one of that
/// time. The slack is a twelfth of the smallest period around it, at most
/// kClockStep.
[[nodiscard]] UtcTime next_due_after(UtcTime since, const Schedule& schedule);

/// Returns whether a run that began at `since` is of the period of `schedule` in which `now` lies.
/// A period begins by the slack earlier than it is due.
[[nodiscard]] bool is_of_present_period(UtcTime since, const Schedule& schedule, UtcTime now);

/// Returns when the first run after the program's start begins: at once, unless the newest success
/// is so young that the next run is not due yet. A success in the future (the clock was wrong)
/// counts as none.
[[nodiscard]] UtcTime first_start(std::optional<UtcTime> newest, const Schedule& schedule,
                                  UtcTime now);

/// Returns when the next run begins after a success that began at `started`: when the schedule
/// says, or at once when that time has passed or the clock was set back meanwhile.
[[nodiscard]] UtcTime start_after_success(UtcTime started, const Schedule& schedule, UtcTime now);

/// Returns when the next run begins after the `failures`-th failure in a row (from 1) of a run that
/// was due at `due`: in 1, 2, 4 ... 60 minutes, but no later than the next regular run, and no
/// later than a period from now.
[[nodiscard]] UtcTime start_after_failure(int failures, UtcTime due, const Schedule& schedule,
                                          UtcTime now);

/// Returns when a run due at `due` that has not succeeded begins to be late: a twelfth of the
/// period after `due`, at least 5 minutes and at most 2 hours (daily: 26 h after the last). No
/// other rule says "too old".
[[nodiscard]] UtcTime late_from(UtcTime due, std::chrono::seconds period);
[[nodiscard]] UtcTime late_from(UtcTime due, const Schedule& schedule);

}  // namespace pgbackup
