// When the daemon runs next: pure decisions, no clock, no store.
#pragma once

#include <chrono>
#include <optional>

#include "common/base/utc_time.h"

namespace pgbackup {

/// At start: at once, unless a complete backup is younger than the interval; then when it is not
/// any more. A newest backup from the future (a clock that was wrong) counts as none.
[[nodiscard]] UtcTime first_start(std::optional<UtcTime> newest, std::chrono::seconds interval,
                                  UtcTime now);

/// After a success that began at `started`: from start to start, at once when that has passed.
[[nodiscard]] UtcTime start_after_success(UtcTime started, std::chrono::seconds interval,
                                          UtcTime now);

/// After the `failures`-th failure in a row (from 1) of a run that was due at `due`: in 1, 2, 4 ...
/// 60 minutes, but not later than the next regular run.
[[nodiscard]] UtcTime start_after_failure(int failures, UtcTime due, std::chrono::seconds interval,
                                          UtcTime now);

}  // namespace pgbackup
