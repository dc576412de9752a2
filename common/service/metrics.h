// Metrics in Prometheus' text format, version 0.0.4, for everyone who reads them: a scrape, a
// gateway, a file. Knows no program's metrics: backup/metrics.h and prune/metrics.h do.
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgbackup {

/// Names the format to whoever reads it.
inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/// Limits how many groups have series of their own, in each program. A bucket or a server may hold
/// any number, and every series costs Prometheus memory.
inline constexpr size_t kMostMetricGroups = 1000;

enum class MetricType { gauge, counter };

/// Holds names and values. The names are ours, the values anyone's.
using MetricLabels = std::vector<std::pair<std::string_view, std::string>>;

struct MetricSample {
  MetricLabels labels{};
  double value = 0;
};

/// Holds the series of one name.
struct MetricFamily {
  std::string name;
  std::string help;  ///< one sentence, with the unit
  MetricType type = MetricType::gauge;
  std::vector<MetricSample> samples{};
};

/// Returns the families in their order, each with HELP and TYPE, and without those that have no
/// samples. Integers up to 2^53 are exact. What is no UTF-8, and NUL, becomes U+FFFD: a reader
/// refuses everything because of one such byte. Of samples whose labels are equal then, the first
/// stays.
[[nodiscard]] std::string format_metrics(std::span<const MetricFamily> families);

}  // namespace pgbackup
