#include "common/service/courier.h"

#include <utility>

#include "common/base/error.h"

namespace pgbackup {

Courier::Courier(Hand hand, Log& log) : hand_(std::move(hand)), log_(log) {}

Courier::~Courier() = default;

void Courier::post(Letter letter) {
  const std::lock_guard lock(mutex_);
  if (letter.is_start) {
    start_ = std::move(letter);
  } else {
    end_ = std::move(letter);
    start_.reset();
  }
  if (!thread_.joinable()) start();
  changed_.notify_all();
}

void Courier::start() {
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  } catch (...) {
    start_.reset();
    end_.reset();
    throw;
  }
}

bool Courier::wait(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, stop, deadline, [this] { return is_idle(); });
}

void Courier::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return end_ || start_; })) {
    std::optional<Letter>& next = end_ ? end_ : start_;
    const Letter letter = *std::exchange(next, std::nullopt);
    is_busy_ = true;
    lock.unlock();
    hand_over(letter, stop);
    lock.lock();
    is_busy_ = false;
    changed_.notify_all();
  }
}

void Courier::hand_over(const Letter& letter, const std::stop_token& stop) {
  try {
    hand_(letter, stop);
  } catch (...) {
    const Error error = current_error();
    if (error.kind() == ErrorKind::canceled) return;  // who waited for it says so
    LogFields fields = {{"cause", error.message()}};
    if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
    log_.warn("a report was not delivered", fields);
  }
}

}  // namespace pgbackup
