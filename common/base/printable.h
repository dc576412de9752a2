// Makes text of others safe for a terminal, a log or a header: control characters could forge lines
// there, or command the terminal. Control characters are those of ISO 6429: C0 (below 0x20), DEL,
// and C1 (U+0080 to U+009F), which a terminal takes as a byte of its own or as UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace pgbackup {

struct Character {
  std::string_view bytes;  ///< one character of UTF-8, or a single byte where the text is not UTF-8
  bool is_control = false;
};

/// Returns the first character of `text`, which must not be empty.
[[nodiscard]] Character first_character(std::string_view text);

[[nodiscard]] bool has_control_characters(std::string_view text);

/// Returns the text with `?` in place of each control character.
[[nodiscard]] std::string printable(std::string_view text);

/// Returns printable() text, cut off with `...` where it is too long for a message.
[[nodiscard]] std::string short_line(std::string_view text);

/// Returns `text` as JSON holds it: U+FFFD takes the place of bytes that are not UTF-8.
[[nodiscard]] std::string as_utf8(std::string_view text);

}  // namespace pgbackup
