#include "common/base/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::months;
using std::chrono::seconds;
using std::chrono::year_month_day;

template <class... Parts>
[[noreturn]] void refuse(fmt::format_string<Parts...> format, Parts&&... parts) {
  throw Error(ErrorKind::usage, printable(fmt::format(format, std::forward<Parts>(parts)...)));
}

struct Field {
  std::string_view name;
  int min;
  int max;
  std::span<const std::string_view> names;  ///< of `min` and the values after it
};

constexpr std::array<std::string_view, 12> kMonths = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                      "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekdays = {"SUN", "MON", "TUE", "WED",
                                                       "THU", "FRI", "SAT"};

constexpr Field kSecond{.name = "second", .min = 0, .max = 59, .names = {}};
constexpr Field kMinute{.name = "minute", .min = 0, .max = 59, .names = {}};
constexpr Field kHour{.name = "hour", .min = 0, .max = 23, .names = {}};
constexpr Field kDay{.name = "day-of-month", .min = 1, .max = 31, .names = {}};
constexpr Field kMonth{.name = "month", .min = 1, .max = 12, .names = kMonths};
// Accepts 7, too, see parse_value().
constexpr Field kWeekday{.name = "day-of-week", .min = 0, .max = 6, .names = kWeekdays};

constexpr std::string_view kForms =
    "write 5 fields (minute hour day-of-month month day-of-week), 6 with seconds first, or @daily, "
    "'@every 6h' and the like";

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// Parses digits only.
std::optional<int> parse_number(std::string_view text) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || text[0] == '-' || error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

bool is_same_word(std::string_view text, std::string_view upper) {
  const auto same = [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b; };
  return std::equal(text.begin(), text.end(), upper.begin(), upper.end(), same);
}

int parse_value(const Field& field, std::string_view text) {
  const int max = &field == &kWeekday ? 7 : field.max;
  const std::optional<int> number = parse_number(text);
  if (number && *number >= field.min && *number <= max) return *number;
  for (size_t i = 0; i < field.names.size(); ++i) {
    if (is_same_word(text, field.names[i])) return field.min + static_cast<int>(i);
  }
  const std::string names =
      field.names.empty()
          ? ""
          : fmt::format(" or a name from {} to {}", field.names.front(), field.names.back());
  refuse("{} field: '{}' is not a number from {} to {}{}", field.name, text, field.min, max, names);
}

int parse_step(const Field& field, std::string_view text) {
  const int longest = field.max - field.min + 1;
  const std::optional<int> step = parse_number(text);
  if (step && *step >= 1 && *step <= longest) return *step;
  refuse("{} field: the step '/{}' is not a number from 1 to {}; '@every 90m' runs at any distance",
         field.name, text, longest);
}

struct Range {
  int first;
  int last;
};

/// Parses a range. `text` is everything in front of a step.
Range parse_range(const Field& field, std::string_view text, bool has_step) {
  const bool is_any_day = text == "?" && !has_step && (&field == &kDay || &field == &kWeekday);
  if (text == "*" || is_any_day) return {.first = field.min, .last = field.max};
  const size_t dash = text.find('-');
  const int first = parse_value(field, text.substr(0, dash));
  if (dash == std::string_view::npos) {
    return {.first = first, .last = has_step ? std::max(first, field.max) : first};
  }
  const int last = parse_value(field, text.substr(dash + 1));
  if (last >= first) return {.first = first, .last = last};
  if (&field == &kWeekday && last == 0) return {.first = first, .last = 7};  // FRI-SUN
  const auto show = [&](int value) {
    return field.names.empty() ? std::to_string(value)
                               : std::string(field.names[static_cast<size_t>(value - field.min)]);
  };
  refuse("{} field: the range '{}' runs backwards: write {}-{},{}-{}", field.name, text,
         show(first % (field.max + 1)), show(field.max), show(field.min), show(last));
}

uint64_t parse_field(const Field& field, std::string_view text) {
  uint64_t values = 0;
  for (const std::string_view item : split(text, ',')) {
    const size_t slash = item.find('/');
    const bool has_step = slash != std::string_view::npos;
    const Range range = parse_range(field, item.substr(0, slash), has_step);
    const int step = has_step ? parse_step(field, item.substr(slash + 1)) : 1;
    for (int value = range.first; value <= range.last; value += step) {
      const int bit = &field == &kWeekday ? value % 7 : value;
      values |= uint64_t{1} << static_cast<unsigned>(bit);
    }
  }
  return values;
}

/// Returns whether some date matches. Weekdays cannot prevent a match: in 400 years a date falls on
/// each of them.
bool occurs(const CronFields& fields) {
  if (fields.either_day) return true;
  constexpr std::array<unsigned, 12> kLongest = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (size_t month = 1; month <= kLongest.size(); ++month) {
    const uint64_t dates = (uint64_t{2} << kLongest[month - 1]) - 1;
    if ((fields.months >> month & 1U) != 0 && (fields.days & dates) != 0) return true;
  }
  return false;
}

CronFields parse_fields(std::span<const std::string_view> words) {
  const bool has_seconds = words.size() == 6;
  if (words.size() != 5 && !has_seconds) {
    refuse("it has {} field{}: {}", words.size(), words.size() == 1 ? "" : "s", kForms);
  }
  const std::string_view last = words.back().substr(0, words.back().find_first_of(",-/"));
  if (has_seconds && parse_number(last).value_or(0) > 7) {
    refuse("a year as last field ('{}') is not supported: of 6 fields the first is seconds",
           words.back());
  }
  CronFields fields;
  if (has_seconds) {
    fields.seconds = parse_field(kSecond, words[0]);
    words = words.subspan(1);
  }
  fields.minutes = parse_field(kMinute, words[0]);
  fields.hours = parse_field(kHour, words[1]);
  fields.days = parse_field(kDay, words[2]);
  fields.months = parse_field(kMonth, words[3]);
  fields.weekdays = parse_field(kWeekday, words[4]);
  const auto is_restricted = [](std::string_view word) { return word[0] != '*' && word[0] != '?'; };
  fields.either_day = is_restricted(words[2]) && is_restricted(words[4]);
  fields.by_the_hour = words[1].starts_with('*');
  if (!occurs(fields)) refuse("no month it names has such a day ('{} {}')", words[2], words[3]);
  return fields;
}

CronFields parse_macro(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, std::array<std::string_view, 5>>, 7>
      kMacros = {{{"@hourly", {"0", "*", "*", "*", "*"}},
                  {"@daily", {"0", "0", "*", "*", "*"}},
                  {"@midnight", {"0", "0", "*", "*", "*"}},
                  {"@weekly", {"0", "0", "*", "*", "0"}},
                  {"@monthly", {"0", "0", "1", "*", "*"}},
                  {"@yearly", {"0", "0", "1", "1", "*"}},
                  {"@annually", {"0", "0", "1", "1", "*"}}}};
  for (const auto& [name, words] : kMacros) {
    if (word == name) return parse_fields(words);
  }
  refuse(
      "'{}' is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, "
      "'@every 6h'",
      word);
}

constexpr int kNone = 64;

/// Returns the lowest bit from `from` on.
int next_bit(uint64_t values, int from) {
  return from >= kNone ? kNone : std::countr_zero(values >> static_cast<unsigned>(from)) + from;
}

/// Returns the first matching time of a day at or after `from`.
std::optional<seconds> time_of_day(const CronFields& fields, seconds from) {
  const auto start = static_cast<int>(from.count());
  const int start_hour = start / 3600;
  const int start_minute = start / 60 % 60;
  // A unit without a matching value left carries into the next larger unit.
  int second = next_bit(fields.seconds, start % 60);
  int minute = next_bit(fields.minutes, start_minute + (second >= kNone ? 1 : 0));
  const int hour = next_bit(fields.hours, start_hour + (minute >= kNone ? 1 : 0));
  if (hour >= kNone) return std::nullopt;
  // A unit that has advanced resets the smaller ones.
  if (hour != start_hour) minute = next_bit(fields.minutes, 0);
  if (hour != start_hour || minute != start_minute) second = next_bit(fields.seconds, 0);
  return seconds(hour * 3600 + minute * 60 + second);
}

bool has_bit(uint64_t values, unsigned bit) { return (values >> bit & 1U) != 0; }

bool matches_day(const CronFields& fields, local_days day) {
  const year_month_day date(day);
  if (!has_bit(fields.months, static_cast<unsigned>(date.month()))) return false;
  const bool is_date = has_bit(fields.days, static_cast<unsigned>(date.day()));
  const bool is_weekday = has_bit(fields.weekdays, std::chrono::weekday(day).c_encoding());
  return fields.either_day ? is_date || is_weekday : is_date && is_weekday;
}

local_days next_day(const CronFields& fields, local_days day) {
  const year_month_day date(day);
  if (has_bit(fields.months, static_cast<unsigned>(date.month()))) return day + days(1);
  return local_days((date.year() / date.month() + months(1)) / 1);
}

}  // namespace

CronFields parse_cron(std::span<const std::string_view> words) {
  if (words.empty()) refuse("it is empty: {}", kForms);
  if (!words[0].starts_with('@')) return parse_fields(words);
  if (words.size() > 1) refuse("nothing may come after '{}'", words[0]);
  return parse_macro(words[0]);
}

local_seconds next_match(const CronFields& fields, local_seconds after) {
  const local_seconds from = after + seconds(1);
  auto day = std::chrono::floor<days>(from);
  if (matches_day(fields, day)) {
    if (const auto time = time_of_day(fields, from - day)) return day + *time;
  }
  do {
    day = next_day(fields, day);
  } while (!matches_day(fields, day));
  return day + time_of_day(fields, seconds(0)).value_or(seconds(0));
}

}  // namespace pgbackup
