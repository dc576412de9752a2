// When something is due: a fixed interval, or a cron expression in the process's time zone. Pure
// but for the zone, which libc keeps; nothing here knows what time it is (see clock.h).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "common/base/cron.h"
#include "common/base/utc_time.h"

namespace pgbackup {

class Schedule {
 public:
  /// Five fields `minute hour day-of-month month day-of-week`, or six with seconds first; each `*`,
  /// `a`, `a-b`, `*/n`, `a-b/n`, `a/n` or a list of these. Months and weekdays have names (JAN,
  /// SUN, any case), 0 and 7 are Sunday, `?` is `*` for days. Where neither day field starts with
  /// `*` one of them is enough. Or `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`,
  /// `@yearly`, `@annually`, `@every 90m`. In front of either: `TZ=Europe/Berlin` or `CRON_TZ=`.
  /// Throws `usage`: one sentence, also for what never occurs, such as 30 February.
  [[nodiscard]] static Schedule parse(std::string_view text);
  /// Throws `usage` below a second.
  [[nodiscard]] static Schedule every(std::chrono::seconds interval);

  /// The first due time after `after`, never `after` itself. A later `after` never gives an earlier
  /// result. Where the clock changes:
  /// - a time that is skipped is due when the clock has jumped (all that are skipped: once);
  /// - a time that comes twice is due the first time only;
  /// - if the hour field starts with `*`, elapsed time counts: due in both of the repeated hours,
  ///   and not for those that are skipped.
  /// Thread-safe after set_time_zone().
  [[nodiscard]] UtcTime next(UtcTime after) const;

  /// As the user wrote it; of an interval: `6h`.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Whether it counts from the last run, and not by the calendar.
  [[nodiscard]] bool is_interval() const {
    return std::holds_alternative<std::chrono::seconds>(rule_);
  }
  /// The one in front, unchecked. next() does not use it: pass it to set_time_zone() at start.
  [[nodiscard]] const std::optional<std::string>& zone() const { return zone_; }

 private:
  using Rule = std::variant<std::chrono::seconds, CronFields>;
  Schedule(std::string text, std::optional<std::string> zone, const Rule& rule)
      : text_(std::move(text)), zone_(std::move(zone)), rule_(rule) {}

  std::string text_;
  std::optional<std::string> zone_;
  Rule rule_;
};

}  // namespace pgbackup
