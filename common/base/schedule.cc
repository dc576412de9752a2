#include "common/base/schedule.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <span>
#include <vector>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/printable.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::local_seconds;
using std::chrono::seconds;

std::vector<std::string_view> split_words(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
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

// ---- Local times to instants ----
// mktime() is of no use: which of two repeated hours it takes depends on what it was asked before.
// All that is asked of libc is the offset at an instant.

/// No zone is further from UTC, summer time included, and none changes twice within twice that.
constexpr hours kMargin{26};

seconds offset_at(UtcTime time) {
  const std::time_t instant = time.time_since_epoch().count();
  std::tm local{};
  return localtime_r(&instant, &local) == nullptr ? seconds(0) : seconds(local.tm_gmtoff);
}

local_seconds to_local(UtcTime time, seconds offset) {
  return local_seconds(time.time_since_epoch() + offset);
}

UtcTime to_utc(local_seconds time, seconds offset) {
  return UtcTime(time.time_since_epoch() - offset);
}

/// A change of the clock: the offset before `at`, and from then on. Equal: no change.
struct Shift {
  UtcTime at;
  seconds before;
  seconds after;
};

Shift shift_between(UtcTime from, UtcTime to) {
  Shift shift{.at = to, .before = offset_at(from), .after = offset_at(to)};
  if (shift.before == shift.after) return shift;
  while (shift.at - from > seconds(1)) {
    const UtcTime middle = from + (shift.at - from) / 2;
    (offset_at(middle) == shift.before ? from : shift.at) = middle;
  }
  return shift;
}

Shift shift_around(local_seconds time) {
  const UtcTime as_if_utc = to_utc(time, seconds(0));
  return shift_between(as_if_utc - kMargin, as_if_utc + kMargin);
}

/// Every local time counts once: at its first instant; if skipped, at the end of the gap.
UtcTime next_on_the_wall(const CronFields& fields, UtcTime after) {
  local_seconds time = next_match(fields, to_local(after, offset_at(after)));
  for (;;) {
    const Shift shift = shift_around(time);
    const UtcTime early = to_utc(time, shift.before);
    const UtcTime due = early < shift.at ? early : std::max(shift.at, to_utc(time, shift.after));
    if (due > after) return due;
    // `after` is in the repeated hour, and the time was due in the one before: go on behind both.
    const local_seconds last_repeated = to_local(shift.at, shift.before) - seconds(1);
    time = next_match(fields, std::max(time, last_repeated));
  }
}

/// Every instant counts whose local time matches.
UtcTime next_elapsed(const CronFields& fields, UtcTime after) {
  const Shift ahead = shift_between(after, after + kMargin);
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
  // The clock goes back before that, maybe to a time that has been: it comes again.
  const local_seconds first_repeated = to_local(ahead.at, ahead.after);
  const local_seconds again = next_match(fields, first_repeated - seconds(1));
  return again <= now ? to_utc(again, ahead.after) : *due;
}

// ---- The zone ----

bool is_in_zone_database(const std::string& name) {
  const std::filesystem::path relative = name;
  if (name.empty() || relative.is_absolute()) return false;
  if (std::find(relative.begin(), relative.end(), "..") != relative.end()) return false;
  const char* const folder = std::getenv("TZDIR");
  const bool is_set = folder != nullptr && *folder != '\0';
  const auto path = std::filesystem::path(is_set ? folder : "/usr/share/zoneinfo") / relative;
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  constexpr std::string_view kMagic = "TZif";  // RFC 8536 section 3.1
  std::array<char, kMagic.size()> start{};
  return file.is_open() && read(file.get(), start.data(), start.size()) == ssize_t{start.size()} &&
         std::string_view(start.data(), start.size()) == kMagic;
}

/// Reads a zone as POSIX writes it, piece by piece; each take_ tells whether the piece was there.
/// https://pubs.opengroup.org/onlinepubs/9699919799/basedefs/V1_chap08.html#tag_08_03
class PosixZone {
 public:
  explicit PosixZone(std::string_view text) : rest_(text) {}

  /// A zone of two names must have its rules: without them libc takes those of the United States.
  [[nodiscard]] bool is_well_formed() {
    if (!take_name() || !take_time(24)) return false;
    if (rest_.empty()) return true;
    if (!take_name() || (!rest_.starts_with(',') && !take_time(24))) return false;
    return take_rule() && take_rule() && rest_.empty();
  }

 private:
  bool take(char c) {
    const bool is_there = rest_.starts_with(c);
    if (is_there) rest_.remove_prefix(1);
    return is_there;
  }

  bool take_number(int min, int max) {
    const std::string_view digits = rest_.substr(0, rest_.find_first_not_of("0123456789"));
    rest_.remove_prefix(digits.size());
    int number = -1;
    const auto [stopped, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() && number >= min && number <= max;
  }

  /// `CET` or `<+03>`
  bool take_name() {
    const bool is_quoted = take('<');
    constexpr std::string_view kQuoted =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    constexpr std::string_view kPlain = kQuoted.substr(0, 52);
    const size_t end = rest_.find_first_not_of(is_quoted ? kQuoted : kPlain);
    const size_t length = std::min(end, rest_.size());
    rest_.remove_prefix(length);
    return length >= 3 && (!is_quoted || take('>'));
  }

  /// `[+-]hh[:mm[:ss]]`
  bool take_time(int max_hours) {
    if (!take('-')) take('+');
    if (!take_number(0, max_hours)) return false;
    if (!take(':')) return true;
    if (!take_number(0, 59)) return false;
    return !take(':') || take_number(0, 59);
  }

  /// `,M3.5.0/2`, `,J60` or `,59`
  bool take_rule() {
    if (!take(',')) return false;
    bool is_date = false;
    if (take('M')) {
      is_date =
          take_number(1, 12) && take('.') && take_number(1, 5) && take('.') && take_number(0, 6);
    } else {
      is_date = take('J') ? take_number(1, 365) : take_number(0, 365);
    }
    return is_date && (!take('/') || take_time(167));  // 167: RFC 8536 section 3.3.1
  }

  std::string_view rest_;
};

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

void set_time_zone(const std::string& name) {
  const bool is_utc = name.empty() || name == "UTC";
  if (!is_utc && !is_in_zone_database(name) && !PosixZone(name).is_well_formed()) {
    throw Error(
        ErrorKind::usage,
        fmt::format("unknown time zone '{}': write a name such as Europe/Berlin (case matters; the "
                    "package tzdata must be there), UTC, or CET-1CEST,M3.5.0,M10.5.0/3",
                    printable(name)));
  }
  if (setenv("TZ", is_utc ? "UTC" : name.c_str(), 1) != 0) throw_errno("set TZ");
  tzset();
}

}  // namespace pgbackup
