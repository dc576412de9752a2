#include "common/codec/handoff.h"

#include <algorithm>
#include <utility>

namespace pgbackup {

HandoffSink::HandoffSink(Sink& next) : next_(next) {
  filling_.reserve(kPumpBytes);
  full_.reserve(kPumpBytes);
  thread_ = std::jthread([this] { run(); });
}

HandoffSink::~HandoffSink() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::abandoned;
  }
  changed_.notify_all();
}

void HandoffSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t count = std::min(bytes.size(), kPumpBytes - filling_.size());
    filling_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    if (filling_.size() == kPumpBytes) hand_over(State::full);
  }
}

void HandoffSink::finish() {
  hand_over(State::finishing);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return state_ == State::finished; });
  if (failure_) std::rethrow_exception(failure_);
}

/// Waits until the thread is done with the last buffer and gives it this one.
void HandoffSink::hand_over(State state) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return state_ == State::filling || state_ == State::finished; });
    if (failure_) std::rethrow_exception(failure_);
    std::swap(filling_, full_);
    state_ = state;
  }
  changed_.notify_all();
  filling_.clear();
}

void HandoffSink::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return state_ != State::filling; });
    if (state_ == State::abandoned) return;
    const bool is_last = state_ == State::finishing;
    lock.unlock();
    std::exception_ptr failure;
    try {
      next_.write(full_);
      if (is_last) next_.finish();
    } catch (...) {  // goes on in the thread that writes
      failure = std::current_exception();
    }
    lock.lock();
    if (state_ == State::abandoned) return;
    failure_ = failure;
    state_ = is_last || failure ? State::finished : State::filling;
    changed_.notify_all();
    if (state_ == State::finished) return;
  }
}

}  // namespace pgbackup
