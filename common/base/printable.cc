#include "common/base/printable.h"

#include <nlohmann/json.hpp>

namespace pgbackup {
namespace {

constexpr size_t kMaxMessageBytes = 300;

bool is_within(char c, unsigned from, unsigned to) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= from && byte <= to;
}

/// Returns the length of the UTF-8 sequence that a lead byte promises; 1 for any other byte.
/// Follows table 3-7 without its rules for overlong forms and surrogates, which no C1 character
/// depends on.
/// https://www.unicode.org/versions/Unicode15.0.0/ch03.pdf
size_t promised_length(char lead) {
  if (is_within(lead, 0xc2, 0xdf)) return 2;
  if (is_within(lead, 0xe0, 0xef)) return 3;
  return is_within(lead, 0xf0, 0xf4) ? 4 : 1;
}

/// Returns the length of the character at the front. A byte that begins no whole sequence is a
/// character of its own.
size_t length_of_first(std::string_view text) {
  const size_t length = promised_length(text.front());
  if (length > text.size()) return 1;
  for (const char c : text.substr(1, length - 1)) {
    if (!is_within(c, 0x80, 0xbf)) return 1;
  }
  return length;
}

}  // namespace

Character first_character(std::string_view text) {
  const std::string_view bytes = text.substr(0, length_of_first(text));
  const char last = bytes.back();
  const bool is_c1 = is_within(last, 0x80, 0x9f) &&
                     (bytes.size() == 1 || (bytes.size() == 2 && bytes.front() == '\xc2'));
  return {bytes, is_within(last, 0, 0x1f) || last == '\x7f' || is_c1};
}

bool has_control_characters(std::string_view text) {
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.is_control) return true;
    text.remove_prefix(character.bytes.size());
  }
  return false;
}

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    safe += character.is_control ? "?" : character.bytes;
    text.remove_prefix(character.bytes.size());
  }
  return safe;
}

std::string short_line(std::string_view text) {
  std::string line = printable(text.substr(0, kMaxMessageBytes));
  return text.size() > kMaxMessageBytes ? line + "..." : line;
}

std::string as_utf8(std::string_view text) {
  using Json = nlohmann::json;
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

}  // namespace pgbackup
