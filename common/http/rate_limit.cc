#include "common/http/rate_limit.h"

#include <algorithm>

namespace pgbackup {
namespace {

constexpr uint64_t kStepsPerSecond = 8;

}  // namespace

size_t RateLimit::step(size_t bytes) const {
  if (rate_ == 0) return bytes;
  return static_cast<size_t>(
      std::min<uint64_t>(bytes, std::max<uint64_t>(1, rate_ / kStepsPerSecond)));
}

void RateLimit::pass(Lane& lane, size_t bytes, const std::stop_token& stop) {
  if (rate_ == 0 || bytes == 0) return;
  // Less than a millisecond is not lost: it stays booked, and the next call waits for it.
  const auto wait = std::chrono::floor<std::chrono::milliseconds>(book(lane, bytes));
  if (wait > std::chrono::milliseconds(0)) clock_.sleep(wait, stop);
}

std::chrono::nanoseconds RateLimit::book(Lane& lane, size_t bytes) {
  const std::chrono::duration<double> span(static_cast<double>(bytes) / static_cast<double>(rate_));
  const std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  lane.free_at =
      std::max(now, lane.free_at) + std::chrono::duration_cast<std::chrono::nanoseconds>(span);
  return lane.free_at - now;
}

}  // namespace pgbackup
