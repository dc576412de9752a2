// The settings of a daemon's schedule: an interval, or a cron expression in its place, in a time
// zone. Both programs use them, with names of rows of their own.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/options.h"
#include "common/base/schedule.h"

namespace pgbackup {

struct ScheduleConfig {
  std::chrono::seconds interval;
  std::string cron{};       ///< in place of the interval
  std::string time_zone{};  ///< UTC where empty
  std::chrono::seconds jitter{0};

  // check_schedule() sets these:
  Schedule schedule = Schedule::every(interval);
  bool is_set = false;  ///< the user has set a schedule
};

/// Holds the names of the rows, for messages.
struct ScheduleRows {
  std::string_view interval;
  std::string_view cron;
  std::string_view jitter{};
};

/// Completes `config` and appends what is wrong with it, one sentence each.
void check_schedule(ScheduleConfig& config, const ScheduleRows& rows, const ParsedOptions& parsed,
                    std::vector<std::string>& problems);

/// Sets the process's time zone: the one in front of the cron expression, else `time_zone`.
void check_time_zone(const ScheduleConfig& config, std::vector<std::string>& problems);

/// The verb `schedule`.
inline constexpr Verb kScheduleVerb = {"schedule", "show the next ten times of the schedule"};

/// Returns the next ten times after `now`, a line each: local time with its offset, UTC, and the
/// time until then.
[[nodiscard]] std::string format_next_times(const ScheduleConfig& config, UtcTime now);

}  // namespace pgbackup
