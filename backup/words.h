// Settings that hold several words: lists of names, patterns of pg_dump, options as a shell takes
// them. Text only; what the words mean is said elsewhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgbackup {

struct Word {
  std::string text;  ///< without the quotes around it; `""` within them is one
  std::string raw;   ///< as written
};

/// A list, split at commas and white space; what stands in double quotes stays together. Throws
/// `usage` for an open quote and for a word that is nothing but quotes.
[[nodiscard]] std::vector<Word> split_list(std::string_view text);

/// Words as POSIX's shell would take them from a command line without expanding anything: blanks
/// part them, single quotes, double quotes and backslashes protect.
/// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02
/// Throws `usage` for an open quote and for a backslash at the end.
[[nodiscard]] std::vector<std::string> split_command_line(std::string_view text);

}  // namespace pgbackup
