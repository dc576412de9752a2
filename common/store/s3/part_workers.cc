#include "common/store/s3/part_workers.h"

#include <utility>

namespace pgbackup {

PartWorkers::PartWorkers(Limits limits, TransportFactory factory, Send send,
                         const std::stop_token& stop)
    : limits_(limits),
      factory_(std::move(factory)),
      send_(std::move(send)),
      on_stop_(stop, Cancel{cancel_}) {}

PartWorkers::~PartWorkers() { cancel(); }

PartBuffer PartWorkers::take_buffer() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, cancel_.get_token(),
                [this] { return failure_ || !free_.empty() || allocated_ <= limits_.threads; });
  check_locked();
  if (free_.empty()) {
    ++allocated_;
    return {.data = std::make_unique_for_overwrite<char[]>(limits_.part_bytes)};
  }
  PartBuffer buffer = std::move(free_.back());
  free_.pop_back();
  buffer.size = 0;
  return buffer;
}

void PartWorkers::submit(PartJob job) {
  const std::lock_guard lock(mutex_);
  check_locked();
  queue_.push_back(std::move(job));
  ++unsent_;
  if (threads_.size() < static_cast<size_t>(limits_.threads)) {
    threads_.emplace_back([this] { work(); });
  }
  changed_.notify_all();
}

void PartWorkers::drain() {
  std::unique_lock lock(mutex_);
  is_draining_ = true;
  free_.clear();
  changed_.wait(lock, cancel_.get_token(), [this] { return failure_ || unsent_ == 0; });
  check_locked();
}

void PartWorkers::check() const {
  const std::lock_guard lock(mutex_);
  check_locked();
}

void PartWorkers::check_locked() const {
  if (failure_) throw Error(*failure_);
  if (cancel_.stop_requested()) throw Error(ErrorKind::canceled, "the upload was stopped");
}

bool PartWorkers::cancel() noexcept {
  cancel_.request_stop();
  threads_.clear();  // joins
  return unsent_ > 0;
}

void PartWorkers::work() {
  std::unique_ptr<Transport> transport;
  while (std::optional<PartJob> job = next_job()) {
    try {
      if (!transport) transport = factory_();
      send_(*transport, *job, cancel_.get_token());
      complete(std::move(job->buffer));
    } catch (...) {
      fail(current_error());
    }
  }
}

std::optional<PartJob> PartWorkers::next_job() {
  std::unique_lock lock(mutex_);
  const bool is_ready =
      changed_.wait(lock, cancel_.get_token(), [this] { return !queue_.empty(); });
  if (!is_ready || cancel_.stop_requested()) return std::nullopt;
  PartJob job = std::move(queue_.front());
  queue_.pop_front();
  return job;
}

void PartWorkers::complete(PartBuffer buffer) {
  const std::lock_guard lock(mutex_);
  if (!is_draining_) free_.push_back(std::move(buffer));
  --unsent_;
  changed_.notify_all();
}

void PartWorkers::fail(Error error) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_ && !cancel_.stop_requested()) failure_ = std::move(error);
  }
  cancel_.request_stop();  // the rest of the stream is lost with this part
  changed_.notify_all();
}

}  // namespace pgbackup
