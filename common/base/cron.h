// Cron expressions as sets of local times: text to fields, and which local time is next. Zones and
// clock changes are the schedule's (schedule.h).
// Grammar: crontab(5), https://manpages.debian.org/bookworm/cron/crontab.5.en.html
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

namespace pgbackup {

/// What a cron expression names, one bit per value: bit 3 of `hours` is 03:xx.
struct CronFields {
  uint64_t seconds = 1;
  uint64_t minutes = 0;
  uint64_t hours = 0;
  uint64_t days = 0;
  uint64_t months = 0;
  uint64_t weekdays = 0;     ///< bit 0 is Sunday
  bool either_day = false;   ///< one of `days` and `weekdays` is enough; else both
  bool by_the_hour = false;  ///< the hour field starts with `*`

  bool operator==(const CronFields&) const = default;
};

/// Of the words of an expression, as Schedule::parse() describes them; not `@every`. Throws
/// `usage`.
[[nodiscard]] CronFields parse_cron(std::span<const std::string_view> words);

/// The first matching local time later than `after`. `fields` are from parse_cron().
[[nodiscard]] std::chrono::local_seconds next_match(const CronFields& fields,
                                                    std::chrono::local_seconds after);

}  // namespace pgbackup
