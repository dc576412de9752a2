#include "prune/page/page_text.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>

#include "common/base/local_time.h"
#include "common/base/units.h"

namespace pgbackup {

std::string page_time(UtcTime time) {
  const std::string text = format_iso(UtcTime(to_local(time).time_since_epoch()));
  return text.substr(0, 10) + " " + text.substr(11, 5);
}

std::string page_day(std::chrono::local_days day) {
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::year_month_day date(day);
  return fmt::format("{} {}", unsigned{date.day()}, kMonths.at(unsigned{date.month()} - 1));
}

std::string page_age(UtcTime time, UtcTime now) {
  return time > now ? "in " + format_age(time - now) : format_age(now - time) + " ago";
}

std::string page_offset(UtcTime time) {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(offset_at(time)).count();
  if (minutes == 0) return "UTC";
  return fmt::format("UTC{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                     std::abs(minutes) % 60);
}

std::string page_count(size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace pgbackup
