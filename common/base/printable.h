// Text of others on its way to a terminal, a log or a header: control characters could forge lines
// there.
#pragma once

#include <string>
#include <string_view>

namespace pgbackup {

/// Whether any byte is below 0x20 or is DEL.
[[nodiscard]] bool has_control_characters(std::string_view text);

/// The text with `?` for each of them.
[[nodiscard]] std::string printable(std::string_view text);

/// The same, cut off (`...`) where it is longer than a message bears.
[[nodiscard]] std::string short_line(std::string_view text);

}  // namespace pgbackup
