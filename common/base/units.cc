#include "common/base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace pgbackup {
namespace {

using std::chrono::seconds;

constexpr std::array<std::pair<char, long>, 5> kDurations = {
    {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

/// The larger units come first; `B` ends all of them.
constexpr std::array<std::pair<std::string_view, uint64_t>, 9> kByteUnits = {
    {{"TiB", uint64_t{1} << 40U},
     {"TB", 1'000'000'000'000},
     {"GiB", uint64_t{1} << 30U},
     {"GB", 1'000'000'000},
     {"MiB", uint64_t{1} << 20U},
     {"MB", 1'000'000},
     {"KiB", uint64_t{1} << 10U},
     {"KB", 1000},
     {"B", 1}}};

constexpr long kLongestDuration = 100L * 366 * 86400;

/// Returns the seconds of a unit; 0 for a letter that is none.
long length_of(char letter) {
  for (const auto& [known, length] : kDurations) {
    if (known == letter) return length;
  }
  return 0;
}

}  // namespace

std::optional<seconds> parse_duration(std::string_view text) {
  long sum = 0;
  long last_unit = kLongestDuration;
  do {
    long count = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, count);
    if (text.empty() || text[0] == '-' || error != std::errc()) return std::nullopt;
    const bool is_bare = stopped == end && last_unit == kLongestDuration;
    const long unit = is_bare ? 1 : stopped == end ? 0 : length_of(*stopped);
    if (unit == 0 || unit >= last_unit) return std::nullopt;
    if (count > (kLongestDuration - sum) / unit) return std::nullopt;
    sum += count * unit;
    last_unit = unit;
    text.remove_prefix(static_cast<size_t>(stopped - text.data()) + (is_bare ? 0 : 1));
  } while (!text.empty());
  return seconds(sum);
}

std::string format_duration(seconds duration) {
  for (const auto& [letter, length] : kDurations) {
    if (letter == 'w' || duration.count() == 0 || duration.count() % length != 0) continue;
    return fmt::format("{}{}", duration.count() / length, letter);
  }
  return "0s";
}

std::string format_age(seconds age) {
  if (age < seconds(0)) return "-" + format_age(-age);
  for (const auto& [letter, length] : kDurations) {
    if (letter != 'w' && age.count() >= length) return format_duration(age / length * length);
  }
  return "0s";
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  uint64_t unit = 1;
  for (const auto& [name, size] : kByteUnits) {
    if (!text.ends_with(name)) continue;
    unit = size;
    text.remove_suffix(name.size());
    break;
  }
  uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, count);
  if (text.empty() || error != std::errc() || stopped != end) return std::nullopt;
  if (count > std::numeric_limits<uint64_t>::max() / unit) return std::nullopt;
  return count * unit;
}

std::string format_exact_bytes(uint64_t bytes) {
  for (const auto& [name, size] : kByteUnits) {
    if (bytes != 0 && bytes % size == 0) return fmt::format("{}{}", bytes / size, name);
  }
  return "0B";
}

std::string format_bytes(uint64_t bytes) {
  static constexpr std::array<const char*, 5> kSizes = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  // 1023.95 would be printed as 1024.0.
  while (value >= 1023.95 && unit + 1 < kSizes.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kSizes[unit]);
}

}  // namespace pgbackup
