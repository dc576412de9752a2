// Threads that send parts of an upload, fed through one bounded queue. The number of buffers is the
// bound: who fills them waits until one is free, which is the back-pressure down to pg_dump. Knows
// nothing of S3.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/error.h"
#include "common/http/transport.h"

namespace pgbackup {

/// Memory of one part. Moves; goes back to the pool after it was sent.
struct PartBuffer {
  std::unique_ptr<char[]> data{};
  size_t size = 0;

  [[nodiscard]] std::string_view view() const { return {data.get(), size}; }
};

struct PartJob {
  std::string key{};  ///< full key of the object
  std::string upload_id{};
  int number = 0;  ///< from 1
  PartBuffer buffer{};
  std::string sha256{};         ///< of the buffer, 64 hexadecimal digits; empty: not known yet
  std::string* etag = nullptr;  ///< filled by the sender; read it after drain()
};

/// One filling thread (all public calls) and `threads` sending ones. Memory: `part_bytes` ×
/// (`threads` + 1) at most, allocated as it is needed.
class PartWorkers {
 public:
  /// Called by the sending threads at the same time, each with its own transport.
  using Send = std::function<void(Transport&, PartJob&, const std::stop_token&)>;
  struct Limits {
    int threads;
    size_t part_bytes;
  };

  PartWorkers(Limits limits, TransportFactory factory, Send send, const std::stop_token& stop);
  PartWorkers(const PartWorkers&) = delete;
  PartWorkers& operator=(const PartWorkers&) = delete;
  ~PartWorkers();

  /// An empty buffer of `part_bytes`; waits for one.
  [[nodiscard]] PartBuffer take_buffer();
  void submit(PartJob job);
  /// Waits until everything submitted was sent.
  void drain();
  /// Throws what made a part fail. So do all calls above, and `canceled` after a stop.
  void check() const;

  /// Ends running transfers and all threads. True when something submitted may not have been sent.
  bool cancel() noexcept;

 private:
  struct Cancel {
    std::stop_source& source;
    void operator()() const noexcept { source.request_stop(); }
  };

  void work();
  std::optional<PartJob> next_job();
  void complete(PartBuffer buffer);
  void fail(Error error) noexcept;
  void check_locked() const;

  Limits limits_;
  TransportFactory factory_;
  Send send_;
  std::stop_source cancel_;
  std::stop_callback<Cancel> on_stop_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<PartJob> queue_;
  std::vector<PartBuffer> free_;
  int allocated_ = 0;
  int unsent_ = 0;  ///< in the queue or being sent
  std::optional<Error> failure_;
  std::vector<std::jthread> threads_;  // last: ends before what it uses
};

}  // namespace pgbackup
