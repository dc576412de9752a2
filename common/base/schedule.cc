#include "common/base/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "common/base/error.h"
#include "common/base/local_time.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

using std::chrono::local_seconds;
using std::chrono::seconds;

std::vector<std::string_view> split_words(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";  // not a newline, which belongs to no setting
  std::vector<std::string_view> words;
  size_t start = text.find_first_not_of(kBlanks);
  while (start != std::string_view::npos) {
    const size_t end = std::min(text.find_first_of(kBlanks, start), text.size());
    words.push_back(text.substr(start, end - start));
    start = text.find_first_not_of(kBlanks, end);
  }
  return words;
}

seconds parse_every(std::span<const std::string_view> words) {
  const auto interval = words.size() == 2 ? parse_duration(words[1]) : std::nullopt;
  if (interval && *interval >= seconds(1)) return *interval;
  throw Error(ErrorKind::usage,
              "after @every comes one duration of at least a second, such as 90m, 6h or 2d");
}

/// Returns the next time when every local time counts once: at its first instant, or at the end of
/// the gap when it is skipped.
UtcTime next_on_the_wall(const CronFields& fields, UtcTime after) {
  local_seconds time = next_match(fields, to_local(after));
  for (;;) {
    const UtcTime due = first_instant(time);
    if (due > after) return due;
    // `after` is in the repeated hour, and the time was due in the hour before: go on behind both.
    const Shift shift = shift_around(time);
    const local_seconds last_repeated = to_local(shift.at, shift.before) - seconds(1);
    time = next_match(fields, std::max(time, last_repeated));
  }
}

/// Returns the next time when every instant counts whose local time matches.
UtcTime next_elapsed(const CronFields& fields, UtcTime after) {
  const Shift ahead = shift_after(after);
  const local_seconds now = to_local(after, ahead.before);
  std::optional<UtcTime> due;
  for (local_seconds time = next_match(fields, now); !due;) {
    const Shift shift = shift_around(time);
    const UtcTime early = to_utc(time, shift.before);
    const UtcTime late = to_utc(time, shift.after);
    if (early < shift.at && early > after) {
      due = early;
    } else if (late >= shift.at && late > after) {
      due = late;
    } else {  // skipped, like all up to the end of the gap
      const local_seconds last_skipped = to_local(shift.at, shift.after) - seconds(1);
      time = next_match(fields, std::max(time, last_skipped));
    }
  }
  if (ahead.after >= ahead.before || ahead.at > *due) return *due;
  // The clock goes back before that time, maybe to one that has passed: it comes again.
  const local_seconds first_repeated = to_local(ahead.at, ahead.after);
  const local_seconds again = next_match(fields, first_repeated - seconds(1));
  return again <= now ? to_utc(again, ahead.after) : *due;
}

}  // namespace

Schedule Schedule::parse(std::string_view text) {
  if (text.find_first_of("'\"`") != std::string_view::npos) {
    throw Error(ErrorKind::usage, "the quotes have become part of the value: leave them out");
  }
  std::vector<std::string_view> words = split_words(text);
  std::optional<std::string> zone;
  if (!words.empty() && (words[0].starts_with("TZ=") || words[0].starts_with("CRON_TZ="))) {
    zone = words[0].substr(words[0].find('=') + 1);
    if (zone->empty()) {
      throw Error(ErrorKind::usage, "no time zone is named: write TZ=Europe/Berlin");
    }
    words.erase(words.begin());
  }
  const bool is_interval = !words.empty() && words[0] == "@every";
  const Rule rule = is_interval ? Rule(parse_every(words)) : Rule(parse_cron(words));
  return {std::string(text), std::move(zone), rule};
}

Schedule Schedule::every(seconds interval) {
  if (interval < seconds(1)) throw Error(ErrorKind::usage, "an interval is at least a second");
  return {format_duration(interval), std::nullopt, interval};
}

UtcTime Schedule::next(UtcTime after) const {
  if (const auto* interval = std::get_if<seconds>(&rule_)) return after + *interval;
  const auto& fields = std::get<CronFields>(rule_);
  return fields.by_the_hour ? next_elapsed(fields, after) : next_on_the_wall(fields, after);
}

}  // namespace pgbackup
