#include "common/catalog/wal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

constexpr std::string_view kRoot = "_cluster/wal/";
constexpr std::string_view kPartialEnd = ".partial";
constexpr std::string_view kBackupEnd = ".backup";
constexpr std::string_view kHistoryEnd = ".history";

constexpr size_t kPartDigits = 8;  // of each part of a name
constexpr size_t kSegmentDigits = 3 * kPartDigits;

constexpr std::array<Compression, 3> kCompressions = {Compression::zstd, Compression::gzip,
                                                      Compression::none};

bool is_hex(char c) { return is_digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f'); }

bool is_token_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

bool is_name_digit(char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); }

bool are_name_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_name_digit);
}

/// Parses 1 to 8 hexadecimal digits.
std::optional<uint32_t> parse_hex(std::string_view text) {
  if (text.empty() || text.size() > kPartDigits || !std::all_of(text.begin(), text.end(), is_hex)) {
    return std::nullopt;
  }
  uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

/// Parses the 8 digits of a name that begin at `at`.
std::optional<uint32_t> name_part(std::string_view name, size_t at) {
  if (name.size() < at + kPartDigits) return std::nullopt;
  const std::string_view digits = name.substr(at, kPartDigits);
  return are_name_digits(digits) ? parse_hex(digits) : std::nullopt;
}

uint64_t segments_per_id(uint64_t segment_bytes) { return (uint64_t{1} << 32U) / segment_bytes; }

/// Takes the first word of `text` away and returns it.
std::string_view take_word(std::string_view& text) {
  text = trimmed(text);
  const std::string_view word = text.substr(0, text.find_first_of(kWhitespace));
  text.remove_prefix(word.size());
  return word;
}

std::optional<TimelineSwitch> parse_switch(std::string_view line) {
  const std::string_view number = take_word(line);
  TimelineSwitch parsed;
  const auto [stopped, error] =
      std::from_chars(number.data(), number.data() + number.size(), parsed.parent);
  const std::optional<Lsn> at = parse_lsn(take_word(line));
  if (error != std::errc() || stopped != number.data() + number.size()) return std::nullopt;
  if (parsed.parent == 0 || !at) return std::nullopt;
  parsed.at = *at;
  return parsed;
}

/// Returns what stands before the next slash, and takes both away.
std::string_view take_until_slash(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find('/'));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

/// Takes the suffix of a packing away.
Packing take_packing(std::string_view& file) {
  for (const Encryption encryption : {Encryption::age, Encryption::none}) {
    for (const Compression compression : kCompressions) {
      const Packing packing{compression, encryption};
      const std::string_view suffix = packing_suffix(packing);
      if (!file.ends_with(suffix)) continue;
      file.remove_suffix(suffix.size());
      return packing;
    }
  }
  return {Compression::none};
}

/// Takes `.{token}` away from the end, where it is there.
std::string take_token(std::string_view& file) {
  if (file.size() <= kPartDigits) return {};
  const std::string_view token = file.substr(file.size() - kPartDigits);
  const bool is_token = file[file.size() - kPartDigits - 1] == '.' &&
                        std::all_of(token.begin(), token.end(), is_token_digit);
  if (!is_token) return {};
  file.remove_suffix(kPartDigits + 1);
  return std::string(token);
}

/// Parses `{segment}.{begin}-{end}` into `key`. Does not check how numbers are written.
bool parse_piece(std::string_view file, WalKey& key) {
  constexpr size_t kBegin = kSegmentDigits + 1;
  constexpr size_t kEnd = kBegin + kPartDigits + 1;
  const std::optional<uint32_t> begin = name_part(file, kBegin);
  const std::optional<uint32_t> end = name_part(file, kEnd);
  if (file.size() != kEnd + kPartDigits || !begin || !end) return false;
  if (*begin >= *end || *end > kMostSegmentBytes) return false;
  key.is_piece = true;
  key.begin = *begin;
  key.end = *end;
  key.name = file.substr(0, kSegmentDigits);
  return wal_file_kind(key.name) == WalFileKind::segment;
}

}  // namespace

std::string format_lsn(Lsn lsn) {
  return fmt::format("{:X}/{:X}", lsn.value >> 32U, lsn.value & UINT32_MAX);
}

std::optional<Lsn> parse_lsn(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<uint32_t> high = parse_hex(text.substr(0, slash));
  const std::optional<uint32_t> low = parse_hex(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return Lsn{uint64_t{*high} << 32U | *low};
}

std::string format_timeline(Timeline timeline) { return fmt::format("{:08X}", timeline); }

bool is_segment_size(uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= kLeastSegmentBytes && bytes <= kMostSegmentBytes;
}

WalSegment segment_at(Timeline timeline, Lsn lsn, uint64_t segment_bytes) {
  return {timeline, lsn.value / segment_bytes};
}

Lsn start_of(const WalSegment& segment, uint64_t segment_bytes) {
  return {segment.number * segment_bytes};
}

std::string segment_name(const WalSegment& segment, uint64_t segment_bytes) {
  const uint64_t per_id = segments_per_id(segment_bytes);
  return fmt::format("{:08X}{:08X}{:08X}", segment.timeline, segment.number / per_id,
                     segment.number % per_id);
}

std::optional<WalSegment> parse_segment_name(std::string_view name, uint64_t segment_bytes) {
  if (wal_file_kind(name) != WalFileKind::segment) return std::nullopt;
  const uint64_t per_id = segments_per_id(segment_bytes);
  const uint64_t id = *name_part(name, kPartDigits);
  const uint64_t within = *name_part(name, 2 * kPartDigits);
  if (within >= per_id) return std::nullopt;
  return WalSegment{timeline_of(name), id * per_id + within};
}

std::optional<WalFileKind> wal_file_kind(std::string_view name) {
  if (timeline_of(name) == 0) return std::nullopt;
  if (name.substr(kPartDigits) == kHistoryEnd) return WalFileKind::history;
  if (name.size() < kSegmentDigits || !are_name_digits(name.substr(0, kSegmentDigits))) {
    return std::nullopt;
  }
  const std::string_view rest = name.substr(kSegmentDigits);
  if (rest.empty()) return WalFileKind::segment;
  if (rest == kPartialEnd) return WalFileKind::partial;
  const bool is_backup = rest.front() == '.' && name_part(rest, 1).has_value() &&
                         rest.substr(1 + kPartDigits) == kBackupEnd;
  return is_backup ? std::optional(WalFileKind::backup) : std::nullopt;
}

Timeline timeline_of(std::string_view name) { return name_part(name, 0).value_or(0); }

std::vector<TimelineSwitch> parse_history(std::string_view text) {
  std::vector<TimelineSwitch> switches;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view content = trimmed(line);
    if (content.empty() || content.starts_with('#')) continue;
    const std::optional<TimelineSwitch> parsed = parse_switch(content);
    if (!parsed || (!switches.empty() && parsed->parent <= switches.back().parent)) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("the history of the timeline is damaged: {}", short_line(content)));
    }
    switches.push_back(*parsed);
  }
  if (switches.empty()) {
    throw Error(ErrorKind::corrupt, "the history of the timeline is damaged: it names no timeline");
  }
  return switches;
}

std::string wal_prefix(std::string_view system_id) {
  return system_id.empty() ? std::string(kRoot) : fmt::format("{}{}/", kRoot, system_id);
}

std::string wal_key(std::string_view system_id, std::string_view name, const Packing& packing) {
  return format_wal_key(
      {.system_id = std::string(system_id), .name = std::string(name), .packing = packing});
}

std::string wal_piece_key(std::string_view system_id, std::string_view name, uint64_t begin,
                          uint64_t end, const Packing& packing) {
  return format_wal_key({.system_id = std::string(system_id),
                         .name = std::string(name),
                         .packing = packing,
                         .is_piece = true,
                         .begin = begin,
                         .end = end});
}

std::string format_wal_key(const WalKey& key) {
  std::string text = fmt::format("{}{}/{}", wal_prefix(key.system_id),
                                 std::string_view(key.name).substr(0, kPartDigits), key.name);
  if (key.name.ends_with(kHistoryEnd)) return text;
  if (key.is_piece) text += fmt::format(".{:08X}-{:08X}", key.begin, key.end);
  if (!key.token.empty()) text += "." + key.token;
  text += packing_suffix(key.packing);
  return text;
}

bool is_system_id(std::string_view text) {
  uint64_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return id != 0 && std::to_string(id) == text;
}

std::optional<WalKey> parse_wal_key(std::string_view key) {
  if (!key.starts_with(kRoot)) return std::nullopt;
  std::string_view rest = key.substr(kRoot.size());
  const std::string_view system_id = take_until_slash(rest);
  static_cast<void>(take_until_slash(rest));  // the timeline again, which the comparison checks
  if (!is_system_id(system_id)) return std::nullopt;
  WalKey parsed;
  parsed.system_id = system_id;
  parsed.packing = take_packing(rest);
  if (parsed.packing.encryption != Encryption::none) parsed.token = take_token(rest);
  if (!parse_piece(rest, parsed)) {
    parsed.name = rest;
    if (!wal_file_kind(rest)) return std::nullopt;
  }
  // Only the one spelling that we write is ours.
  return format_wal_key(parsed) == key ? std::optional(std::move(parsed)) : std::nullopt;
}

}  // namespace pgbackup
