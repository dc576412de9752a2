#include "common/service/schedule_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/error.h"
#include "common/base/local_time.h"
#include "common/base/time_zone.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

/// Returns the least time from one due time to the next, of some hundreds.
seconds shortest_period(const Schedule& schedule) {
  constexpr int kTimes = 400;
  UtcTime time = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  seconds shortest = seconds::max();
  for (int i = 0; i < kTimes; ++i) {
    const UtcTime next = schedule.next(time);
    if (i > 0) shortest = std::min(shortest, next - time);  // the first is no due time
    time = next;
  }
  return shortest;
}

std::string format_offset(seconds offset) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(offset).count();
  const auto size = minutes < 0 ? -minutes : minutes;
  return fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

/// Returns `Thu 2026-11-26 02:30:00 +01:00`.
std::string format_local(UtcTime time) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  const seconds offset = offset_at(time);
  const UtcTime as_if_utc = time + offset;
  const std::chrono::weekday day(std::chrono::floor<std::chrono::days>(as_if_utc));
  const std::string text = format_iso(as_if_utc);  // 2026-11-26T02:30:00Z
  return fmt::format("{} {} {} {}", kDays.at(day.c_encoding()), text.substr(0, 10),
                     text.substr(11, 8), format_offset(offset));
}

/// Returns `2d 3h 5m`; seconds only below a minute.
std::string format_wait(seconds wait) {
  if (wait < std::chrono::minutes(1)) return fmt::format("{}s", wait.count());
  constexpr int64_t kHour = 60;
  constexpr int64_t kDay = 24 * kHour;
  const int64_t minutes = wait.count() / 60;
  std::string text;
  if (minutes >= kDay) text += fmt::format("{}d ", minutes / kDay);
  if (minutes >= kHour) text += fmt::format("{}h ", minutes % kDay / kHour);
  return text + fmt::format("{}m", minutes % kHour);
}

}  // namespace

void check_schedule(ScheduleConfig& config, const ScheduleRows& rows, const ParsedOptions& parsed,
                    std::vector<std::string>& problems) {
  const bool has_interval = is_set(parsed, rows.interval);
  const bool has_cron = is_set(parsed, rows.cron);
  config.is_set = has_interval || has_cron;
  if (has_interval && has_cron) {
    problems.push_back(fmt::format("{} and {} are both set; keep one", rows.interval, rows.cron));
  }
  try {
    config.schedule =
        config.cron.empty() ? Schedule::every(config.interval) : Schedule::parse(config.cron);
  } catch (const Error& error) {
    problems.push_back(fmt::format("{}: {}", rows.cron, error.message()));
    return;
  }
  if (config.jitter.count() == 0) return;
  const seconds period = shortest_period(config.schedule);
  if (config.jitter < period) return;
  problems.push_back(fmt::format("{}={} is not shorter than the time from one run to the next ({})",
                                 rows.jitter, format_duration(config.jitter),
                                 format_duration(period)));
}

void check_time_zone(const ScheduleConfig& config, std::vector<std::string>& problems) {
  try {
    set_time_zone(config.schedule.zone().value_or(config.time_zone));
  } catch (const Error& error) {
    problems.push_back(std::string("TZ: ") + error.message());
  }
}

std::string format_next_times(const ScheduleConfig& config, UtcTime now) {
  constexpr int kTimes = 10;
  std::string text;
  UtcTime time = now;
  for (int i = 0; i < kTimes; ++i) {
    time = config.schedule.next(time);
    text += fmt::format("{}  {}  in {}\n", format_local(time), format_iso(time),
                        format_wait(time - now));
  }
  if (config.jitter.count() > 0) {
    text += fmt::format("each up to {} later\n", format_duration(config.jitter));
  }
  if (config.cron.empty()) {
    text += "if the last run began now: an interval counts from the start of one run to the next\n";
  }
  return text;
}

}  // namespace pgbackup
