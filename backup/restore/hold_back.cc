#include "backup/restore/hold_back.h"

#include <algorithm>

namespace pgbackup {
namespace {

constexpr size_t kHeldBytes = size_t{64} << 10U;

}  // namespace

void HoldBackSink::write(std::string_view bytes) {
  bytes_ += bytes.size();
  if (bytes.size() > kHeldBytes) {
    const size_t passed = bytes.size() - kHeldBytes;
    if (!held_.empty()) next_.write(held_);
    held_.clear();
    next_.write(bytes.substr(0, passed));
    bytes.remove_prefix(passed);
  }
  held_ += bytes;
  // Not for every small write: what is kept moves to the front.
  if (held_.size() > 2 * kHeldBytes) {
    const size_t passed = held_.size() - kHeldBytes;
    next_.write(std::string_view(held_).substr(0, passed));
    held_.erase(0, passed);
  }
}

void HoldBackSink::finish() {
  if (!held_.empty()) next_.write(held_);
  held_.clear();
  next_.finish();
}

}  // namespace pgbackup
