// Finds the word that was probably meant, for messages about an unknown word.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgbackup {

/// Returns the one of `known` that differs from `word` by the fewest letters, and by no more than
/// `most`.
[[nodiscard]] std::optional<std::string> nearest_word(std::string_view word,
                                                      const std::vector<std::string>& known,
                                                      size_t most);

/// Returns `; did you mean X?`, or an empty string when no known word is near.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string>& known);

}  // namespace pgbackup
