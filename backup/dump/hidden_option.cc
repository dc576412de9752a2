#include "backup/dump/hidden_option.h"

#include <algorithm>
#include <cstring>

namespace pgbackup {
namespace {

/// Matches ` SET (n_distinct=5, pg_attver=26491688);`: the option may follow others.
constexpr std::string_view kSet = " SET (";
constexpr std::string_view kOption = "pg_attver=";
static_assert(kOption.starts_with(kHiddenOption));
/// Limits how far left of the option is searched: three options fit.
constexpr size_t kSeenBytes = 128;

bool holds_option(std::string_view text) {
  for (size_t from = 0; from < text.size();) {
    const void* const found =
        memmem(text.data() + from, text.size() - from, kOption.data(), kOption.size());
    if (found == nullptr) return false;
    const auto at = static_cast<size_t>(static_cast<const char*>(found) - text.data());
    const size_t begin = at - std::min(at, kSeenBytes);
    const std::string_view before = text.substr(begin, at - begin);
    const size_t set = before.rfind(kSet);
    if (set != std::string_view::npos &&
        before.find_first_of("\n)", set) == std::string_view::npos) {
      return true;
    }
    from = at + kOption.size();
  }
  return false;
}

}  // namespace

void HiddenOptionSink::write(std::string_view bytes) {
  if (!is_found_) {
    constexpr size_t kSeamBytes = kSeenBytes + kOption.size();
    seam_ += bytes.substr(0, kSeamBytes);
    is_found_ = holds_option(seam_) || holds_option(bytes);
    if (bytes.size() > kSeamBytes) seam_ = bytes.substr(bytes.size() - kSeamBytes);
    seam_.erase(0, seam_.size() - std::min(seam_.size(), kSeamBytes));
  }
  next_.write(bytes);
}

}  // namespace pgbackup
