#include "common/catalog/old_layouts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "common/base/error.h"
#include "common/base/local_time.h"
#include "common/base/printable.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

constexpr size_t kStampLength = 19;  // 2021-11-01T20:51:55
constexpr size_t kBasicLength = 16;  // 20240115T120000Z
constexpr size_t kClockLength = 6;   // 120000

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  const bool is_there = text.starts_with(prefix);
  if (is_there) text.remove_prefix(prefix.size());
  return is_there;
}

bool drop_suffix(std::string_view& text, std::string_view suffix) {
  const bool is_there = text.ends_with(suffix);
  if (is_there) text.remove_suffix(suffix.size());
  return is_there;
}

struct Split {
  std::string_view front;  ///< never empty
  std::string_view back;
};

/// Splits at the separator in front of the last `length` bytes.
std::optional<Split> split_before(std::string_view text, char separator, size_t length) {
  if (text.size() < length + 2) return std::nullopt;
  const size_t at = text.size() - length - 1;
  if (text[at] != separator) return std::nullopt;
  return Split{.front = text.substr(0, at), .back = text.substr(at + 1)};
}

std::optional<Split> split_at_last(std::string_view text, char separator) {
  const size_t at = text.rfind(separator);
  if (at == std::string_view::npos) return std::nullopt;
  return split_before(text, separator, text.size() - at - 1);
}

bool is_hash(std::string_view text) {
  return text.size() >= 4 && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// Returns the instant of a local time that was parsed as if it were UTC.
std::optional<UtcTime> meant_as_local(std::optional<UtcTime> time) {
  if (!time) return std::nullopt;
  return first_instant(std::chrono::local_seconds(time->time_since_epoch()));
}

/// Parses `2021-11-01T20:51:55`, maybe with a fraction.
std::optional<UtcTime> parse_local(std::string_view stamp) {
  return meant_as_local(parse_iso(fmt::format("{}Z", stamp)));
}

std::optional<OldKey> make_key(Layout layout, std::string_view database,
                               std::optional<UtcTime> time, std::string_view data_key) {
  if (!time) return std::nullopt;
  return OldKey{.layout = layout,
                .database = std::string(database),
                .time = *time,
                .data_key = std::string(data_key)};
}

std::optional<OldKey> parse_backup_time(std::string_view key) {
  std::string_view stamp = key;
  if (!drop_prefix(stamp, "backup-") || !drop_suffix(stamp, ".dump")) return std::nullopt;
  // Python's isoformat() writes microseconds, or no fraction where that would be 0.
  constexpr size_t kMaxFraction = 7;
  if (stamp.size() > kStampLength + kMaxFraction) return std::nullopt;
  return make_key(Layout::backup_time, "", parse_local(stamp), key);
}

/// Parses `DB-2021-11-01T20:51:55-HASH`.
std::optional<OldKey> parse_time_and_hash(std::string_view name, std::string_view key) {
  const std::optional<Split> hash = split_at_last(name, '-');
  if (!hash || !is_hash(hash->back)) return std::nullopt;
  const std::optional<Split> stamp = split_before(hash->front, '-', kStampLength);
  if (!stamp) return std::nullopt;
  return make_key(Layout::db_time_hash, stamp->front, parse_local(stamp->back), key);
}

/// Parses `DB-HASH-2021-11-01T20:51:55` or `DB-HASH-2021-11-01:20:51:55`.
std::optional<OldKey> parse_hash_and_time(std::string_view name, std::string_view key) {
  const std::optional<Split> stamp = split_before(name, '-', kStampLength);
  if (!stamp) return std::nullopt;
  const std::optional<Split> hash = split_at_last(stamp->front, '-');
  if (!hash || !is_hash(hash->back)) return std::nullopt;
  std::string text(stamp->back);
  constexpr size_t kDateLength = 10;
  if (text[kDateLength] == ':') text[kDateLength] = 'T';
  return make_key(Layout::db_time_hash, hash->front, parse_local(text), key);
}

/// Tells the two forms apart by the last part, whatever the database's name: no time stamp is a
/// hash.
std::optional<OldKey> parse_db_time_hash(std::string_view key) {
  std::string_view name = key;
  if (!drop_suffix(name, ".pg-dump")) return std::nullopt;
  std::optional<OldKey> found = parse_time_and_hash(name, key);
  return found ? found : parse_hash_and_time(name, key);
}

std::optional<OldKey> parse_db_folder(std::string_view key) {
  std::string_view data_key = key;
  const bool is_checksum = drop_suffix(data_key, ".sha256");
  std::string_view rest = data_key;
  if (!drop_suffix(rest, ".dump") && !drop_suffix(rest, ".sql.gz")) return std::nullopt;
  const std::optional<Split> file = split_at_last(rest, '/');
  const std::optional<Split> stamp =
      file ? split_before(file->back, '_', kBasicLength) : std::nullopt;
  if (!stamp || stamp->front != file->front) return std::nullopt;
  std::optional<OldKey> found =
      make_key(Layout::db_folder, stamp->front, parse_basic(stamp->back), data_key);
  if (found) found->is_checksum = is_checksum;
  return found;
}

std::optional<OldKey> parse_date_folders(std::string_view key) {
  std::string_view rest = key;
  if (!drop_suffix(rest, ".sql.gz")) return std::nullopt;
  const std::optional<Split> file = split_at_last(rest, '/');
  const std::optional<Split> clock =
      file ? split_before(file->back, '_', kClockLength) : std::nullopt;
  if (!clock) return std::nullopt;
  const std::string_view date = file->front;
  if (date.size() != 10 || date[4] != '/' || date[7] != '/') return std::nullopt;
  const auto time = parse_basic(
      fmt::format("{}{}{}T{}Z", date.substr(0, 4), date.substr(5, 2), date.substr(8), clock->back));
  return make_key(Layout::date_folders, clock->front, meant_as_local(time), key);
}

Layout parse_layout(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Layout layout : kOldLayouts) {
    if (layout_name(layout) == name) return layout;
    names.push_back(layout_name(layout));
  }
  throw Error(ErrorKind::usage, fmt::format("unknown layout '{}'; the layouts are {}, or all",
                                            short_line(name), fmt::join(names, ", ")));
}

}  // namespace

std::string_view layout_name(Layout layout) {
  switch (layout) {
    case Layout::ours:
      return "ours";
    case Layout::backup_time:
      return "backup-time";
    case Layout::db_time_hash:
      return "db-time-hash";
    case Layout::db_folder:
      return "db-folder";
    case Layout::date_folders:
      return "date-folders";
  }
  return "";
}

std::set<Layout> parse_layouts(std::string_view text) {
  std::set<Layout> layouts;
  if (trimmed(text).empty() || trimmed(text) == "none") return layouts;
  for (;;) {
    const size_t comma = text.find(',');
    const std::string_view name = trimmed(text.substr(0, comma), " \t");
    if (name == "all") {
      layouts.insert(kOldLayouts);
    } else {
      layouts.insert(parse_layout(name));
    }
    if (comma == std::string_view::npos) return layouts;
    text.remove_prefix(comma + 1);
  }
}

std::optional<OldKey> parse_old_key(std::string_view key) {
  // Dots would lead elsewhere in a directory or a URL.
  if (key.find("..") != std::string_view::npos || key.starts_with("./")) return std::nullopt;
  if (has_control_characters(key)) return std::nullopt;
  // No two forms have the same number of slashes and the same suffix.
  switch (std::count(key.begin(), key.end(), '/')) {
    case 0:
      return key.ends_with(".dump") ? parse_backup_time(key) : parse_db_time_hash(key);
    case 1:
      return parse_db_folder(key);
    case 3:
      return parse_date_folders(key);
    default:
      return std::nullopt;
  }
}

}  // namespace pgbackup
