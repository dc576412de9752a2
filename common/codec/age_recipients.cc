#include "common/codec/age_recipients.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/base/printable.h"

namespace pgbackup {
namespace {

/// Returns an SSH key without what is behind its second word.
std::string_view without_comment(std::string_view line) {
  if (!line.starts_with("ssh-")) return line;
  const size_t key = line.find(' ');
  return key == std::string_view::npos ? line : line.substr(0, line.find(' ', key + 1));
}

}  // namespace

std::vector<std::string> list_recipients(std::string_view text) {
  std::vector<std::string> recipients;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && line.front() != '#') recipients.emplace_back(without_comment(line));
  }
  return recipients;
}

std::string short_recipient(std::string_view recipient) {
  constexpr size_t kEnd = 8;
  constexpr size_t kShort = 24;
  if (recipient.size() <= kShort) return printable(recipient);
  // The keys of one type of SSH begin alike.
  const size_t begin = recipient.starts_with("ssh-") ? recipient.find(' ') + 1 : kEnd;
  return printable(fmt::format("{}...{}", recipient.substr(0, std::min(begin, kShort)),
                               recipient.substr(recipient.size() - kEnd)));
}

std::string short_recipients(std::span<const std::string> recipients) {
  constexpr size_t kMost = 5;
  std::vector<std::string> names;
  for (const std::string& recipient : recipients.first(std::min(kMost, recipients.size()))) {
    names.push_back(short_recipient(recipient));
  }
  if (recipients.size() > kMost) names.push_back(fmt::format("{} more", recipients.size() - kMost));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace pgbackup
