#include "backup/restore/at_time.h"

#include <algorithm>
#include <string>

#include "common/base/local_time.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

constexpr size_t kDateLength = std::string_view("2026-11-20").size();
constexpr size_t kMinuteLength = std::string_view("2026-11-20T03:15").size();

/// Parses `+01`, `+01:00`, `+0100` and the like of the west, and `Z`.
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
  if (text == "Z") return std::chrono::minutes(0);
  const bool is_west = text[0] == '-';
  std::string digits(text.substr(1));
  if (digits.size() == 5 && digits[2] == ':') digits.erase(2, 1);
  if (digits.size() == 2) digits += "00";
  if (digits.size() != 4 || !std::all_of(digits.begin(), digits.end(), is_digit)) return {};
  const auto two = [&](size_t at) { return (digits[at] - '0') * 10 + digits[at + 1] - '0'; };
  if (two(0) > 15 || two(2) > 59) return {};  // as far as PostgreSQL goes
  const std::chrono::minutes offset(two(0) * 60 + two(2));
  return is_west ? -offset : offset;
}

}  // namespace

std::optional<UtcTime> parse_at_time(std::string_view text) {
  if (text.size() < kDateLength) return {};
  const size_t zone = std::min(text.find_first_of("Z+-", kDateLength), text.size());
  std::string clock(text.substr(0, zone));
  if (clock.size() == kDateLength && zone == text.size()) clock += "T23:59:59";
  if (clock.size() > kDateLength && clock[kDateLength] == ' ') clock[kDateLength] = 'T';
  if (clock.size() == kMinuteLength) clock += ":00";
  const std::optional<UtcTime> time = parse_iso(clock + "Z");
  if (!time) return {};
  if (zone == text.size())
    return first_instant(std::chrono::local_seconds(time->time_since_epoch()));
  const std::optional<std::chrono::minutes> offset = parse_offset(text.substr(zone));
  if (!offset) return {};
  return *time - *offset;
}

}  // namespace pgbackup
