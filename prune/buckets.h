// Counts calendar periods in the time zone of the process: the period that a time falls into, and
// when the last N periods began. Knows no backups and no rules. ISO 8601 weeks:
// https://www.iso.org/iso-8601-date-and-time-format.html
#pragma once

#include <cstdint>

#include "common/base/utc_time.h"

namespace pgbackup {

enum class Period { hour, day, week, month, year };

/// Returns a number for the period that holds `time`; a later period has a higher number. Weeks are
/// those of ISO 8601, from Monday on. When clocks go back, the repeated hour is an hour of its own.
[[nodiscard]] int64_t bucket_of(UtcTime time, Period period);

/// Returns the time `count` (at least 0) periods before `now`. Hours, days of 24 h and weeks of 7 d
/// count as they elapse. Months and years count by the calendar, at the same time of day; where a
/// month has no such day, its last day counts.
[[nodiscard]] UtcTime periods_before(UtcTime now, Period period, int count);

/// Returns the first time whose periods_before() is `time` or later, but for an hour where clocks
/// change.
[[nodiscard]] UtcTime periods_after(UtcTime time, Period period, int count);

}  // namespace pgbackup
