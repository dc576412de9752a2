// Questions to a person. Prompts go to stderr, so that stdout stays data.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

namespace pgbackup {

/// Returns whether stdin is a terminal, so that there is a person to ask.
[[nodiscard]] bool can_ask();

/// Returns one line without its newline. Throws `canceled` on a stop request and at the end of
/// input.
[[nodiscard]] std::string ask_line(std::string_view prompt, const std::stop_token& stop);

/// Returns true only for an answer that begins with y or Y. Throws as ask_line() does.
[[nodiscard]] bool ask_yes(std::string_view question, const std::stop_token& stop);

/// Returns after a yes, or at once where `yes` says so already. Throws `conflict` when the answer
/// is no, `usage` where nobody can be asked, and as ask_line() does.
void confirm(bool yes, std::string_view question, const std::stop_token& stop);

}  // namespace pgbackup
