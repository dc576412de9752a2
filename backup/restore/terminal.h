// Questions to a person. Prompts go to stderr, so that stdout stays data.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

namespace pgbackup {

/// Whether there is a person to ask.
[[nodiscard]] bool can_ask();

/// One line without its newline. Throws `canceled` on a stop request and at the end of input.
[[nodiscard]] std::string ask_line(std::string_view prompt, const std::stop_token& stop);

/// True only for an answer that begins with y or Y.
[[nodiscard]] bool ask_yes(std::string_view question, const std::stop_token& stop);

}  // namespace pgbackup
