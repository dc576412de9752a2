// Splits text: whitespace, lists of names, and command lines as a shell splits them. Does not
// interpret the words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgbackup {

/// Holds the whitespace of the C locale.
inline constexpr std::string_view kWhitespace = " \t\n\v\f\r";

[[nodiscard]] constexpr bool is_whitespace(char c) {
  return kWhitespace.find(c) != std::string_view::npos;
}
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Returns `text` with the letters A to Z in lowercase.
[[nodiscard]] std::string lower_case(std::string_view text);

/// Returns `text` without the characters of `whitespace` at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text,
                                       std::string_view whitespace = kWhitespace);

struct Word {
  std::string text;  ///< without the quotes around it; `""` within them is one
  std::string raw;   ///< as written
};

/// Splits a list at commas and whitespace; what stands in double quotes stays together. Throws
/// `usage` for an open quote and for a word that is nothing but quotes.
[[nodiscard]] std::vector<Word> split_list(std::string_view text);

/// Splits a command line as POSIX's shell does, without expanding anything: whitespace separates
/// words; single quotes, double quotes and backslashes protect it. Throws `usage` for an open quote
/// and for a backslash at the end.
/// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02
[[nodiscard]] std::vector<std::string> split_command_line(std::string_view text);

}  // namespace pgbackup
