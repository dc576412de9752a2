// The recipients of what age encrypts, as lines of text. Does not check them: age does.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgbackup {

/// Returns the recipients in a text that `age -R` reads: one a line, without the comments, also
/// those behind SSH keys, which name people and machines.
[[nodiscard]] std::vector<std::string> list_recipients(std::string_view text);

/// Returns a recipient as it fits into a line with others, by which its owner knows it:
/// `age1ql3z...9hmcac8p`, `ssh-ed25519 ...QVdoVPgw`.
[[nodiscard]] std::string short_recipient(std::string_view recipient);
/// Returns short_recipient() of each, with commas between; of many only the first ones.
[[nodiscard]] std::string short_recipients(std::span<const std::string> recipients);

}  // namespace pgbackup
