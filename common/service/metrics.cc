#include "common/service/metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <set>

#include "common/base/printable.h"

namespace pgbackup {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Returns the text as UTF-8, with backslashes and newlines escaped, and quotes where `has_quotes`.
std::string escape_text(std::string_view text, bool has_quotes) {
  std::string safe;
  for (const char c : as_utf8(text)) {
    if (c == '\0') {
      safe += kReplacement;
    } else if (c == '\n') {
      safe += "\\n";
    } else {
      if (c == '\\' || (has_quotes && c == '"')) safe += '\\';
      safe += c;
    }
  }
  return safe;
}

std::string format_value(double value) {
  constexpr double kMostExact = 9007199254740992.0;  // 2^53
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const bool is_exact_integer = std::abs(value) <= kMostExact && std::trunc(value) == value;
  return is_exact_integer ? fmt::format("{}", static_cast<int64_t>(value))
                          : fmt::format("{}", value);
}

/// Returns `{database="app",destination="s3"}`; nothing without labels.
std::string format_labels(const MetricLabels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "{" : ",", name, escape_text(value, true));
  }
  return text.empty() ? text : text + "}";
}

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::gauge:
      return "gauge";
    case MetricType::counter:
      return "counter";
  }
  return "gauge";
}

}  // namespace

std::string format_metrics(std::span<const MetricFamily> families) {
  std::string text;
  for (const MetricFamily& family : families) {
    if (family.samples.empty()) continue;
    text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", family.name,
                        escape_text(family.help, false), type_name(family.type));
    std::set<std::string> seen;
    for (const MetricSample& sample : family.samples) {
      const auto [labels, is_new] = seen.insert(format_labels(sample.labels));
      if (!is_new) continue;
      text += fmt::format("{}{} {}\n", family.name, *labels, format_value(sample.value));
    }
  }
  return text;
}

}  // namespace pgbackup
