#include "common/base/local_time.h"

#include <algorithm>
#include <ctime>

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::local_seconds;
using std::chrono::seconds;

/// No zone is further from UTC, summer time included, and no zone changes twice within twice that
/// time.
constexpr hours kMargin{26};

Shift shift_between(UtcTime from, UtcTime to) {
  Shift shift{.at = to, .before = offset_at(from), .after = offset_at(to)};
  if (shift.before == shift.after) return shift;
  while (shift.at - from > seconds(1)) {
    const UtcTime middle = from + (shift.at - from) / 2;
    (offset_at(middle) == shift.before ? from : shift.at) = middle;
  }
  return shift;
}

}  // namespace

seconds offset_at(UtcTime time) {
  const std::time_t instant = time.time_since_epoch().count();
  std::tm local{};
  return localtime_r(&instant, &local) == nullptr ? seconds(0) : seconds(local.tm_gmtoff);
}

local_seconds to_local(UtcTime time) { return to_local(time, offset_at(time)); }

UtcTime first_instant(local_seconds time) {
  const Shift shift = shift_around(time);
  const UtcTime early = to_utc(time, shift.before);
  return early < shift.at ? early : std::max(shift.at, to_utc(time, shift.after));
}

Shift shift_around(local_seconds time) {
  const UtcTime as_if_utc = to_utc(time, seconds(0));
  return shift_between(as_if_utc - kMargin, as_if_utc + kMargin);
}

Shift shift_after(UtcTime time) { return shift_between(time, time + kMargin); }

}  // namespace pgbackup
