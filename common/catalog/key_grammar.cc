#include "common/catalog/key_grammar.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

constexpr size_t kTimeLength = 16;  // 20261120T031500Z
constexpr size_t kRandomDigits = 8;
constexpr size_t kIdLength = kTimeLength + 1 + kRandomDigits;

bool stays(char c, bool leading) {
  const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return letter || is_digit(c) || c == '-' || (!leading && (c == '.' || c == '_'));
}

/// Returns the value of an uppercase hexadecimal digit, or -1.
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Returns whether a key may hold `file` between slashes. `.` and `..` would lead elsewhere in a
/// directory.
bool is_file_name(std::string_view file) {
  if (file.empty() || file == "." || file == "..") return false;
  return std::all_of(file.begin(), file.end(), [](char c) { return stays(c, false) || c == '='; });
}

}  // namespace

std::string encode_group(std::string_view group) {
  if (group == kGlobalsGroup) return std::string(group);
  std::string encoded;
  for (const char c : group) {
    if (stays(c, encoded.empty())) {
      encoded += c;
    } else {
      encoded += fmt::format("={:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::optional<std::string> decode_group(std::string_view encoded) {
  std::string group;
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '=') {
      group += encoded[i];
      continue;
    }
    if (i + 2 >= encoded.size()) return std::nullopt;
    const int high = hex_value(encoded[i + 1]);
    const int low = hex_value(encoded[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    group += static_cast<char>(high * 16 + low);
    i += 2;
  }
  // Only the one spelling that encode_group() writes is ours.
  if (group.empty() || encode_group(group) != encoded) return std::nullopt;
  return group;
}

std::string make_backup_id(UtcTime now) {
  return fmt::format("{}-{}", format_basic(now), random_hex(kRandomDigits / 2));
}

std::optional<UtcTime> parse_backup_id(std::string_view id) {
  if (id.size() != kIdLength || id[kTimeLength] != '-') return std::nullopt;
  const std::string_view random = id.substr(kTimeLength + 1);
  const bool hex = std::all_of(random.begin(), random.end(),
                               [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
  return hex ? parse_basic(id.substr(0, kTimeLength)) : std::nullopt;
}

std::string backup_folder(std::string_view group, std::string_view id) {
  return fmt::format("{}/{}", encode_group(group), id);
}

std::string dump_stream_name(std::string_view group) {
  return group == kGlobalsGroup ? "globals" : encode_group(group);
}

std::string stream_file_name(std::string_view stream, DumpFormat format, const Packing& packing) {
  return fmt::format("{}{}{}", stream, format == DumpFormat::custom ? ".dump" : ".sql",
                     packing_suffix(packing));
}

std::optional<BackupKey> parse_key(std::string_view key) {
  const size_t first = key.find('/');
  const size_t second = first == std::string_view::npos ? first : key.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  std::optional<std::string> group = decode_group(key.substr(0, first));
  const std::string_view id = key.substr(first + 1, second - first - 1);
  const std::optional<UtcTime> time = parse_backup_id(id);
  const std::string_view file = key.substr(second + 1);
  if (!group || !time || !is_file_name(file)) return std::nullopt;
  return BackupKey{std::move(*group), std::string(id), *time, std::string(file)};
}

}  // namespace pgbackup
