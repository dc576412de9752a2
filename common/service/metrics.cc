#include "common/service/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>

namespace pgbackup {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct ByteRange {
  unsigned char from;
  unsigned char to;
};

bool is_within(char c, ByteRange range) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= range.from && byte <= range.to;
}

/// Returns the bytes that may follow a lead byte, and the length of the sequence; a length of 0 for
/// what is no lead byte. Follows table 3-7: no overlong forms, no surrogates, nothing above
/// U+10FFFF.
/// https://www.unicode.org/versions/Unicode15.0.0/ch03.pdf
std::pair<ByteRange, size_t> sequence_of(char lead) {
  if (is_within(lead, {0x01, 0x7f})) return {{}, 1};
  if (is_within(lead, {0xc2, 0xdf})) return {{0x80, 0xbf}, 2};
  if (is_within(lead, {0xe0, 0xe0})) return {{0xa0, 0xbf}, 3};
  if (is_within(lead, {0xed, 0xed})) return {{0x80, 0x9f}, 3};
  if (is_within(lead, {0xe1, 0xef})) return {{0x80, 0xbf}, 3};
  if (is_within(lead, {0xf0, 0xf0})) return {{0x90, 0xbf}, 4};
  if (is_within(lead, {0xf1, 0xf3})) return {{0x80, 0xbf}, 4};
  if (is_within(lead, {0xf4, 0xf4})) return {{0x80, 0x8f}, 4};
  return {{}, 0};
}

/// Returns the length of the character at the front; 0 where there is none.
size_t character_length(std::string_view text) {
  const auto [second, length] = sequence_of(text.front());
  if (length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!is_within(text[i], i == 1 ? second : ByteRange{0x80, 0xbf})) return 0;
  }
  return length;
}

/// Returns the text with backslashes and newlines escaped, and quotes where `has_quotes`.
std::string escape_text(std::string_view text, bool has_quotes) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const size_t length = character_length(text);
    const std::string_view character = length == 0 ? kReplacement : text.substr(0, length);
    if (character == "\n") {
      safe += "\\n";
    } else {
      if (character == "\\" || (has_quotes && character == "\"")) safe += '\\';
      safe += character;
    }
    text.remove_prefix(std::max<size_t>(length, 1));
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
