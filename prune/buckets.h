// Calendar periods of the process's time zone: which one a backup falls into, and since when the
// last N of them count.
#pragma once

#include <cstdint>

#include "common/base/utc_time.h"

namespace pgbackup {

enum class Period { hour, day, week, month, year };

/// A number for the period that holds `time`; a later period has a higher one. Weeks are those of
/// ISO 8601, from Monday on. When clocks go back, the repeated hour is an hour of its own.
[[nodiscard]] int64_t bucket_of(UtcTime time, Period period);

/// `count` (at least 0) periods before `now`: hours, days of 24 h and weeks of 7 d as they elapse;
/// months and years by the calendar, at the same time of day, on the month's last day where it has
/// no such day.
[[nodiscard]] UtcTime periods_before(UtcTime now, Period period, int count);

}  // namespace pgbackup
