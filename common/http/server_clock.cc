#include "common/http/server_clock.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

constexpr std::chrono::minutes kFarOff{5};

seconds distance(seconds difference) { return difference < seconds(0) ? -difference : difference; }

}  // namespace

void ServerClock::note(UtcTime date) {
  const std::lock_guard lock(mutex_);
  last_ = {.time = date, .at = clock_.steady()};
}

std::optional<UtcTime> ServerClock::time(seconds max_age) const {
  const std::lock_guard lock(mutex_);
  if (!last_) return std::nullopt;
  const auto age = std::chrono::floor<seconds>(clock_.steady() - last_->at);
  if (age > max_age) return std::nullopt;
  return last_->time + age;
}

seconds ServerClock::offset() const {
  const std::lock_guard lock(mutex_);
  return offset_;
}

std::optional<seconds> ServerClock::correct(UtcTime date, UtcTime local, seconds used) {
  const std::lock_guard lock(mutex_);
  if (offset_ != used) return offset_;  // another thread was faster
  const seconds wanted = date - local;
  if (distance(wanted - used) <= seconds(1)) return std::nullopt;  // Date counts whole seconds
  offset_ = wanted;
  return offset_;
}

bool is_far_off(UtcTime date, UtcTime signed_at) { return distance(date - signed_at) > kFarOff; }

}  // namespace pgbackup
