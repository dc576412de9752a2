#include "common/base/utc_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pgbackup {
namespace {

using std::chrono::seconds;

struct Fields {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

Fields split(UtcTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto second_of_day = static_cast<int>((time - day).count());
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .hour = second_of_day / 3600,
          .minute = second_of_day / 60 % 60,
          .second = second_of_day % 60};
}

constexpr UtcTime kYear10000 = std::chrono::sys_days(std::chrono::year(10000) / 1 / 1);

std::optional<UtcTime> join(const Fields& f) {
  const std::chrono::year_month_day date{std::chrono::year(f.year), std::chrono::month(f.month),
                                         std::chrono::day(f.day)};
  if (!date.ok() || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
  const UtcTime time =
      std::chrono::sys_days(date) + seconds(f.hour * 3600 + f.minute * 60 + f.second);
  // A leap second at the end of the year 9999 would need a fifth digit.
  return time < kYear10000 ? std::optional(time) : std::nullopt;
}

/// Matches `text` against `shape`, in which a letter stands for a digit of that field (Y M D h m s)
/// and every other character for itself.
std::optional<UtcTime> parse_shape(std::string_view text, std::string_view shape) {
  if (text.size() != shape.size()) return std::nullopt;
  Fields f;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    const int digit = text[i] - '0';
    const auto take = [&](auto& field) {
      field = field * 10 + static_cast<std::decay_t<decltype(field)>>(digit);
      return is_digit;
    };
    bool ok = false;
    switch (shape[i]) {
      case 'Y':
        ok = take(f.year);
        break;
      case 'M':
        ok = take(f.month);
        break;
      case 'D':
        ok = take(f.day);
        break;
      case 'h':
        ok = take(f.hour);
        break;
      case 'm':
        ok = take(f.minute);
        break;
      case 's':
        ok = take(f.second);
        break;
      default:
        ok = text[i] == shape[i];
        break;
    }
    if (!ok) return std::nullopt;
  }
  return join(f);
}

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::string format_iso(UtcTime time) {
  const Fields f = split(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", f.year, f.month, f.day, f.hour,
                     f.minute, f.second);
}

std::string format_basic(UtcTime time) {
  const Fields f = split(time);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", f.year, f.month, f.day, f.hour, f.minute,
                     f.second);
}

std::optional<UtcTime> parse_iso(std::string_view text) {
  constexpr size_t kWithoutZone = 19;
  if (text.size() < kWithoutZone + 1 || text.back() != 'Z') return std::nullopt;
  const std::string_view fraction = text.substr(kWithoutZone, text.size() - kWithoutZone - 1);
  if (!fraction.empty()) {
    const bool digits = std::all_of(fraction.begin() + 1, fraction.end(),
                                    [](char c) { return c >= '0' && c <= '9'; });
    if (fraction[0] != '.' || fraction.size() < 2 || !digits) return std::nullopt;
  }
  return parse_shape(text.substr(0, kWithoutZone), "YYYY-MM-DDThh:mm:ss");
}

std::optional<UtcTime> parse_basic(std::string_view text) {
  return parse_shape(text, "YYYYMMDDThhmmssZ");
}

std::optional<UtcTime> parse_http_date(std::string_view text) {
  // Fri, 20 Nov 2026 03:15:00 GMT
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") {
    return std::nullopt;
  }
  const auto* const month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  if (month == kMonths.end()) return std::nullopt;
  const std::string numeric = fmt::format("{}{:02} {}", text.substr(5, 3),
                                          month - kMonths.begin() + 1, text.substr(12, 13));
  return parse_shape(numeric, "DD MM YYYY hh:mm:ss");
}

}  // namespace pgbackup
