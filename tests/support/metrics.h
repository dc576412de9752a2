// Looks into families of metrics.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/service/metrics.h"

namespace pgbackup {

/// Returns the value of each series, by its name and labels as they are written.
[[nodiscard]] inline std::map<std::string, std::string> series_of(
    const std::vector<MetricFamily>& families) {
  std::map<std::string, std::string> series;
  std::string_view text;
  const std::string all = format_metrics(families);
  for (text = all; !text.empty();) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    if (line.starts_with('#')) continue;
    const size_t space = line.rfind(' ');
    series[std::string(line.substr(0, space))] = line.substr(space + 1);
  }
  return series;
}

/// Returns the names of the families that begin with none of the prefix's own, or occur twice. That
/// of the process's start is one for all programs.
[[nodiscard]] inline std::vector<std::string> bad_names(const std::vector<MetricFamily>& families,
                                                        std::string_view prefix) {
  std::vector<std::string> bad;
  std::set<std::string> seen;
  for (const MetricFamily& family : families) {
    const bool is_counter = family.type == MetricType::counter;
    const bool is_named_so = family.name.ends_with("_total");
    const bool is_plain = std::all_of(family.name.begin(), family.name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    const bool is_ours =
        family.name.starts_with(prefix) || family.name == "process_start_time_seconds";
    if (!is_ours || !is_plain || is_counter != is_named_so || !family.help.ends_with('.') ||
        !seen.insert(family.name).second) {
      bad.push_back(family.name);
    }
  }
  return bad;
}

/// Returns how many series there are.
[[nodiscard]] inline size_t count_series(const std::vector<MetricFamily>& families) {
  size_t count = 0;
  for (const MetricFamily& family : families) count += family.samples.size();
  return count;
}

}  // namespace pgbackup
