#include "common/catalog/parallel_read.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/error.h"

namespace pgbackup {
namespace {

/// Lets several threads work off one list.
class SharedList {
 public:
  SharedList(size_t count, const ReadOne& read) : count_(count), read_(read) {}

  void work(Store& store, const std::stop_token& stop) {
    for (size_t i = next_++; i < count_ && !has_failed_; i = next_++) {
      if (stop.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
      read_(store, i);
    }
  }
  void fail(std::exception_ptr error) noexcept {
    const std::lock_guard lock(mutex_);
    has_failed_ = true;
    if (error_ == nullptr) error_ = std::move(error);
  }
  /// Called when all threads have ended.
  void throw_failure() const {
    if (error_ != nullptr) std::rethrow_exception(error_);
  }

 private:
  const size_t count_;
  const ReadOne& read_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> has_failed_ = false;
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

void read_in_parallel(const ParallelRead& what, const std::stop_token& stop, const ReadOne& read) {
  SharedList list(what.count, read);
  const auto work = [&](const auto& body) {
    try {
      body();
    } catch (...) {
      list.fail(std::current_exception());
    }
  };
  {
    std::vector<std::jthread> threads;
    const size_t readers = what.open ? std::min(kMostReaders, what.unknown / kLeastForReader) : 0;
    for (size_t i = 1; i < readers; ++i) {
      threads.emplace_back([&] {
        work([&] {
          for (const Destination& one : what.open()) {
            if (one.name() == what.destination.name()) list.work(one.store(), stop);
          }
        });
      });
    }
    work([&] { list.work(what.destination.store(), stop); });
  }
  list.throw_failure();
}

}  // namespace pgbackup
