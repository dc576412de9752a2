#include "prune/page/chart.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "common/base/units.h"
#include "prune/page/page_text.h"

namespace pgbackup {
namespace {

constexpr int kCell = 10;    // units of a drawing per day, of which the gap takes 2
constexpr int kHeight = 20;  // of the strip and of the bar
constexpr int kWide = 1000;  // of the other drawings
constexpr int kTall = 100;

std::string day_text(const PageDay& day) {
  if (day.backups == 0) return fmt::format("{}: no backup in the store", page_day(day.day));
  return fmt::format("{}: {}, {}{}", page_day(day.day), page_count(day.backups, "backup"),
                     format_bytes(day.bytes),
                     day.flawed == 0 ? "" : fmt::format(", {} flawed", day.flawed));
}

/// Returns the stretches of days that have backups: `8 Nov to 30 Nov`.
std::vector<std::string> stretches_of(std::span<const PageDay> calendar) {
  std::vector<std::string> stretches;
  for (size_t i = 0; i < calendar.size(); ++i) {
    if (calendar[i].backups == 0) continue;
    const size_t first = i;
    while (i + 1 < calendar.size() && calendar[i + 1].backups > 0) ++i;
    stretches.push_back(first == i ? page_day(calendar[i].day)
                                   : fmt::format("{} to {}", page_day(calendar[first].day),
                                                 page_day(calendar[i].day)));
  }
  return stretches;
}

/// Maps times to the width of a drawing.
struct TimeScale {
  UtcTime begin;
  UtcTime end;

  [[nodiscard]] double x(UtcTime time) const {
    const double whole = std::max<double>(1, static_cast<double>((end - begin).count()));
    const double part = static_cast<double>((time - begin).count());
    return std::clamp(part / whole, 0.0, 1.0) * kWide;
  }
};

uint64_t largest_of(std::span<const PageBackup> backups) {
  return std::max_element(
             backups.begin(), backups.end(),
             [](const PageBackup& a, const PageBackup& b) { return a.bytes < b.bytes; })
      ->bytes;
}

}  // namespace

std::string draw_days(std::span<const PageDay> calendar) {
  std::string svg = fmt::format(
      R"(<svg class="strip" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">)",
      calendar.size() * kCell, kHeight);
  for (size_t i = 0; i < calendar.size(); ++i) {
    const std::string_view what = calendar[i].flawed > 0    ? R"( class="x")"
                                  : calendar[i].backups > 0 ? R"( class="y")"
                                                            : "";
    fmt::format_to(std::back_inserter(svg),
                   R"(<rect{} x="{}" width="8" height="{}" rx="2"><title>{}</title></rect>)", what,
                   i * kCell + 1, kHeight, day_text(calendar[i]));
  }
  return svg + "</svg>";
}

std::string describe_days(std::span<const PageDay> calendar) {
  constexpr size_t kMostStretches = 6;
  std::vector<std::string> stretches = stretches_of(calendar);
  const auto filled = static_cast<size_t>(std::count_if(
      calendar.begin(), calendar.end(), [](const PageDay& day) { return day.backups > 0; }));
  if (filled == 0)
    return fmt::format("No backup of the last {} days is in the store.", calendar.size());
  if (filled == calendar.size()) {
    return fmt::format("Backups of each of the last {} days are in the store.", filled);
  }
  const size_t more = stretches.size() - std::min(stretches.size(), kMostStretches);
  stretches.erase(stretches.begin(), stretches.begin() + static_cast<std::ptrdiff_t>(more));
  return fmt::format("Backups of {} of the last {} days are in the store: {}{}.", filled,
                     calendar.size(), more == 0 ? "" : fmt::format("{} earlier stretches, ", more),
                     fmt::join(stretches, ", "));
}

std::string draw_sizes(std::span<const PageBackup> backups) {
  if (backups.size() < 2) return "";
  const TimeScale scale{backups.back().time, backups.front().time};
  const double largest = std::max<double>(1, static_cast<double>(largest_of(backups)));
  std::string line;
  std::string dots;
  for (size_t i = backups.size(); i-- > 0;) {
    const double x = scale.x(backups[i].time);
    const double y = kTall - static_cast<double>(backups[i].bytes) / largest * (kTall - 8);
    fmt::format_to(std::back_inserter(line), "{}{:.0f} {:.1f}", line.empty() ? "M" : "L", x, y);
    fmt::format_to(std::back_inserter(dots), "M{:.0f} {:.1f}h0", x, y);
  }
  constexpr size_t kMostDots = 60;
  return fmt::format(
      R"(<svg class="sizes" viewBox="0 0 {0} {1}" preserveAspectRatio="none" aria-hidden="true">)"
      R"(<path class="base" d="M0 {1}H{0}"/><path class="area" d="{2}L{0} {1}L0 {1}Z"/>)"
      R"(<path class="line" d="{2}"/>{3}</svg>)",
      kWide, kTall, line,
      backups.size() > kMostDots ? "" : fmt::format(R"(<path class="dots" d="{}"/>)", dots));
}

std::string describe_sizes(std::span<const PageBackup> backups) {
  const auto [least, most] = std::minmax_element(
      backups.begin(), backups.end(),
      [](const PageBackup& a, const PageBackup& b) { return a.bytes < b.bytes; });
  return fmt::format("Sizes in the store: the newest has {}, the smallest {}, the largest {}.",
                     format_bytes(backups.front().bytes), format_bytes(least->bytes),
                     format_bytes(most->bytes));
}

std::string draw_windows(std::span<const RecoveryWindow> windows, UtcTime now) {
  if (windows.empty()) return "";
  const TimeScale scale{windows.front().from, std::max(now, windows.back().until)};
  std::string svg = fmt::format(
      R"(<svg class="window" viewBox="0 0 {0} {1}" preserveAspectRatio="none" aria-hidden="true">)"
      R"(<rect width="{0}" height="{1}"/>)",
      kWide, kHeight);
  const auto add = [&](std::string_view what, UtcTime from, UtcTime until) {
    fmt::format_to(std::back_inserter(svg),
                   R"(<rect class="{}" x="{:.1f}" width="{:.1f}" height="{}"/>)", what,
                   scale.x(from), std::max(2.0, scale.x(until) - scale.x(from)), kHeight);
  };
  for (const RecoveryWindow& window : windows) {
    if (!window.gaps.empty()) add("x", window.until, window.next.value_or(scale.end));
    add("y", window.from, window.until);
  }
  return svg + "</svg>";
}

}  // namespace pgbackup
