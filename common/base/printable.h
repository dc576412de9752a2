// Text of others on its way to a terminal, a log or a header: control characters could forge lines
// there, or command the terminal. They are those of ISO 6429: C0 (below 0x20), DEL, and C1 (U+0080
// to U+009F), which a terminal takes as a byte of its own or as UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace pgbackup {

struct Character {
  std::string_view bytes;  ///< of UTF-8; a single byte where the text is not UTF-8
  bool is_control = false;
};

/// The first one of `text`, which is not empty.
[[nodiscard]] Character first_character(std::string_view text);

[[nodiscard]] bool has_control_characters(std::string_view text);

/// The text with `?` for each of them.
[[nodiscard]] std::string printable(std::string_view text);

/// The same, cut off (`...`) where it is longer than a message bears.
[[nodiscard]] std::string short_line(std::string_view text);

}  // namespace pgbackup
