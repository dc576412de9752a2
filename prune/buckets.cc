#include "prune/buckets.h"

#include <chrono>

#include "common/base/local_time.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::months;
using std::chrono::year_month_day;

int64_t month_number(const year_month_day& date) {
  return int64_t{int{date.year()}} * 12 + static_cast<unsigned>(date.month());
}

/// Returns when the hour began, in seconds: a count of hours would not do where a clock is moved by
/// half an hour.
int64_t hour_number(UtcTime time) {
  const std::chrono::local_seconds local = to_local(time);
  return (time - (local - floor<hours>(local))).time_since_epoch().count();
}

UtcTime months_before(UtcTime now, months count) {
  const std::chrono::local_seconds local = to_local(now);
  const local_days today = floor<days>(local);
  year_month_day date = year_month_day(today) - count;
  if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
  return first_instant(local_days(date) + (local - today));
}

UtcTime months_after(UtcTime time, months count) {
  const std::chrono::local_seconds local = to_local(time);
  const local_days day = floor<days>(local);
  const year_month_day date = year_month_day(day) + count;
  if (date.ok()) return first_instant(local_days(date) + (local - day));
  // No day of this month goes back as far as to the end of the other one.
  return first_instant(local_days((date.year() / date.month() + months(1)) / 1));
}

}  // namespace

int64_t bucket_of(UtcTime time, Period period) {
  if (period == Period::hour) return hour_number(time);
  const local_days day = floor<days>(to_local(time));
  switch (period) {
    case Period::hour:
      break;
    case Period::day:
      return day.time_since_epoch().count();
    case Period::week:  // day 0 is a Thursday
      return floor<std::chrono::weeks>(day.time_since_epoch() + days(3)).count();
    case Period::month:
      return month_number(year_month_day(day));
    case Period::year:
      return int{year_month_day(day).year()};
  }
  return 0;
}

UtcTime periods_before(UtcTime now, Period period, int count) {
  switch (period) {
    case Period::hour:
      return now - hours(count);
    case Period::day:
      return now - days(count);
    case Period::week:
      return now - std::chrono::weeks(count);
    case Period::month:
      return months_before(now, months(count));
    case Period::year:
      return months_before(now, months(12) * count);
  }
  return now;
}

UtcTime periods_after(UtcTime time, Period period, int count) {
  switch (period) {
    case Period::hour:
      return time + hours(count);
    case Period::day:
      return time + days(count);
    case Period::week:
      return time + std::chrono::weeks(count);
    case Period::month:
      return months_after(time, months(count));
    case Period::year:
      return months_after(time, months(12) * count);
  }
  return time;
}

}  // namespace pgbackup
