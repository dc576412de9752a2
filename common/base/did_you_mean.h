// Words that were probably meant, for messages about words that nobody knows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgbackup {

/// The one of `known` that differs from `word` by the fewest letters, `most` at the most.
[[nodiscard]] std::optional<std::string> nearest_word(std::string_view word,
                                                      const std::vector<std::string>& known,
                                                      size_t most);

/// `; did you mean X?`, or nothing when none is near.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string>& known);

}  // namespace pgbackup
