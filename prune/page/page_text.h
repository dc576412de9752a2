// Times and numbers as the status page shows them. Times are in the zone of the process, to the
// minute.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/utc_time.h"

namespace pgbackup {

/// Returns `2026-11-30 03:15`.
[[nodiscard]] std::string page_time(UtcTime time);
/// Returns `30 Nov`.
[[nodiscard]] std::string page_day(std::chrono::local_days day);
/// Returns `3h ago`, or `in 3h`.
[[nodiscard]] std::string page_age(UtcTime time, UtcTime now);
/// Returns `UTC` or `UTC+05:45`: the offset of the zone at `time`.
[[nodiscard]] std::string page_offset(UtcTime time);
/// Returns `1 backup` or `2 backups`.
[[nodiscard]] std::string page_count(size_t count, std::string_view what);

}  // namespace pgbackup
