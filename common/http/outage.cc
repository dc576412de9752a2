#include "common/http/outage.h"

namespace pgbackup {

void Outage::Row::give_up() {
  const std::lock_guard lock(outage_.mutex_);
  if (outage_.prober_ != this) return;
  outage_.prober_ = nullptr;
  outage_.changed_.notify_all();
}

bool Outage::Row::may_go() const {
  return !outage_.is_on_ || outage_.prober_ == nullptr || outage_.prober_ == this;
}

void Outage::Row::take_role() {
  if (outage_.is_on_) outage_.prober_ = this;
}

bool Outage::Row::may_enter() {
  const std::lock_guard lock(outage_.mutex_);
  if (!may_go()) return false;
  take_role();
  return true;
}

bool Outage::Row::enter(const std::stop_token& stop) {
  std::unique_lock lock(outage_.mutex_);
  if (!outage_.changed_.wait(lock, stop, [this] { return may_go(); })) return false;
  take_role();
  return true;
}

void Outage::Row::fail() {
  const std::lock_guard lock(outage_.mutex_);
  outage_.is_on_ = true;
  if (outage_.prober_ == nullptr) outage_.prober_ = this;
}

void Outage::Row::succeed() {
  const std::lock_guard lock(outage_.mutex_);
  if (!outage_.is_on_) return;
  outage_.is_on_ = false;
  outage_.prober_ = nullptr;
  outage_.changed_.notify_all();
}

bool Outage::is_on() const {
  const std::lock_guard lock(mutex_);
  return is_on_;
}

}  // namespace pgbackup
