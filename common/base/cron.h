// Cron expressions as sets of local times: parses the text and finds the next local time that
// matches. Time zones and changes of the clock are not handled here, but in schedule.h. Grammar:
// crontab(5),
// https://manpages.debian.org/bookworm/cron/crontab.5.en.html
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

namespace pgbackup {

/// Holds the values that a cron expression names, one bit per value: bit 3 of `hours` is 03:xx.
struct CronFields {
  uint64_t seconds = 1;
  uint64_t minutes = 0;
  uint64_t hours = 0;
  uint64_t days = 0;
  uint64_t months = 0;
  uint64_t weekdays = 0;     ///< bit 0 is Sunday
  bool either_day = false;   ///< one of `days` and `weekdays` is enough; false: both must match
  bool by_the_hour = false;  ///< the hour field starts with `*`

  bool operator==(const CronFields&) const = default;
};

/// Parses the words of an expression, as Schedule::parse() describes them, except `@every`. Throws
/// `usage`.
[[nodiscard]] CronFields parse_cron(std::span<const std::string_view> words);

/// Returns the first matching local time later than `after`. `fields` must come from parse_cron().
[[nodiscard]] std::chrono::local_seconds next_match(const CronFields& fields,
                                                    std::chrono::local_seconds after);

}  // namespace pgbackup
