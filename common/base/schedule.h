// When a run is due: after a fixed interval, or by a cron expression in the process's time zone.
// Pure but for the zone, which libc keeps; nothing here reads the time (see clock.h).
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
  /// Parses five fields `minute hour day-of-month month day-of-week`, or six with seconds first.
  /// Each is `*`, `a`, `a-b`, `*/n`, `a-b/n`, `a/n` or a list of these. Months and weekdays have
  /// names (JAN, SUN, any case), 0 and 7 are Sunday, `?` is `*` for days. Where neither day field
  /// starts with `*` one of them is enough. Also parses `@hourly`, `@daily`, `@midnight`,
  /// `@weekly`, `@monthly`, `@yearly`, `@annually` and `@every 90m`. A time zone may stand in
  /// front: `TZ=Europe/Berlin` or `CRON_TZ=`. Throws `usage` with one sentence, also for what never
  /// occurs, such as 30 February.
  [[nodiscard]] static Schedule parse(std::string_view text);
  /// Makes a schedule of a fixed interval. Throws `usage` below a second.
  [[nodiscard]] static Schedule every(std::chrono::seconds interval);

  /// Returns the first due time after `after`, never `after` itself. A later `after` never gives an
  /// earlier result. Where the clock changes:
  /// - a time that is skipped is due when the clock has jumped (all that are skipped: once);
  /// - a time that comes twice is due the first time only;
  /// - if the hour field starts with `*`, elapsed time counts: due in both of the repeated hours,
  ///   and not for those that are skipped.
  /// Thread-safe after set_time_zone().
  [[nodiscard]] UtcTime next(UtcTime after) const;

  /// Returns the schedule as the user wrote it; an interval as `6h`.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Returns whether the schedule counts from the last run, and not by the calendar.
  [[nodiscard]] bool is_interval() const {
    return std::holds_alternative<std::chrono::seconds>(rule_);
  }
  /// Returns the time zone in front of the expression, unchecked. next() does not use it: pass it
  /// to set_time_zone() at start.
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
