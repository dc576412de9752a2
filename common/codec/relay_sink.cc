#include "common/codec/relay_sink.h"

#include <algorithm>
#include <stop_token>

namespace pgbackup {

RelaySink::RelaySink(Sink& next)
    : next_(next), thread_([this](const std::stop_token& stop) { pass_on(stop); }) {}

RelaySink::~RelaySink() { thread_.request_stop(); }

void RelaySink::write(std::string_view bytes) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kCopyBytes))) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return failure_ || filled_ - passed_on_ < kBlocks; });
    if (failure_) std::rethrow_exception(failure_);
    std::string& free = block(filled_);
    lock.unlock();
    free.assign(bytes.substr(0, kCopyBytes));
    lock.lock();
    ++filled_;
    changed_.notify_all();
  }
}

void RelaySink::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failure_ || passed_on_ == filled_; });
  if (failure_) std::rethrow_exception(failure_);
  lock.unlock();
  next_.finish();
}

void RelaySink::pass_on(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return passed_on_ < filled_; }) &&
         !stop.stop_requested()) {
    const std::string& oldest = block(passed_on_);
    lock.unlock();
    std::exception_ptr failure;
    try {
      next_.write(oldest);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    ++passed_on_;
    failure_ = failure;
    changed_.notify_all();
    if (failure) return;
  }
}

}  // namespace pgbackup
