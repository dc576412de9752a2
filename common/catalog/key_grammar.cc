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

std::string_view format_suffix(StreamFormat format) {
  switch (format) {
    case StreamFormat::custom:
      return ".dump";
    case StreamFormat::plain:
      return ".sql";
    case StreamFormat::tar:
      return ".tar";
    case StreamFormat::manifest:
      return "";
  }
  return "";
}

std::string encode_name(std::string_view name) {
  std::string encoded;
  for (const char c : name) {
    if (stays(c, encoded.empty())) {
      encoded += c;
    } else {
      encoded += fmt::format("={:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace

std::string encode_group(const Group& group) {
  switch (group.kind()) {
    case GroupKind::database:
      return encode_name(group.name());
    case GroupKind::unnamed:
    case GroupKind::globals:
    case GroupKind::cluster:
      return group.name();
  }
  return "";
}

std::optional<Group> decode_group(std::string_view encoded) {
  std::string name;
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '=') {
      name += encoded[i];
      continue;
    }
    if (i + 2 >= encoded.size()) return std::nullopt;
    const int high = hex_value(encoded[i + 1]);
    const int low = hex_value(encoded[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    name += static_cast<char>(high * 16 + low);
    i += 2;
  }
  Group group = parse_group(name);
  // Only the one spelling that encode_group() writes is ours.
  if (name.empty() || encode_group(group) != encoded) return std::nullopt;
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

std::string backup_folder(const Group& group, std::string_view id) {
  return fmt::format("{}/{}", encode_group(group), id);
}

std::string dump_stream_name(const Group& group) {
  return group.kind() == GroupKind::globals ? "globals" : encode_group(group);
}

std::string stream_file_name(std::string_view stream, StreamFormat format, const Packing& packing) {
  return fmt::format("{}{}{}", stream, format_suffix(format), packing_suffix(packing));
}

std::optional<BackupKey> parse_key(std::string_view key) {
  const size_t first = key.find('/');
  const size_t second = first == std::string_view::npos ? first : key.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  std::optional<Group> group = decode_group(key.substr(0, first));
  const std::string_view id = key.substr(first + 1, second - first - 1);
  const std::optional<UtcTime> time = parse_backup_id(id);
  const std::string_view file = key.substr(second + 1);
  if (!group || !time || !is_file_name(file)) return std::nullopt;
  return BackupKey{std::move(*group), std::string(id), *time, std::string(file)};
}

}  // namespace pgbackup
