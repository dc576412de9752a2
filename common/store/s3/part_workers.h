// Threads that send the parts of an upload, fed through one bounded queue. The number of buffers is
// the bound: the filling thread waits until one is free, and this back-pressure reaches pg_dump.
// Knows nothing of S3.
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

/// Holds the memory of one part. Movable; goes back to the pool after the part was sent.
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
  std::string sha256{};         ///< of the buffer, 64 hexadecimal digits; empty: unknown
  std::string* etag = nullptr;  ///< set by the sender; valid after drain()
};

/// Connects one filling thread (all public calls) and `threads` sending ones. Uses at most
/// `part_bytes` × (`threads` + 1) of memory, allocated when needed.
class PartWorkers {
 public:
  /// Sends a part. Called by the sending threads at the same time, each with its own transport.
  using Send = std::function<void(Transport&, PartJob&, const std::stop_token&)>;
  struct Limits {
    int threads;
    size_t part_bytes;
  };

  PartWorkers(Limits limits, TransportFactory factory, Send send, const std::stop_token& stop);
  PartWorkers(const PartWorkers&) = delete;
  PartWorkers& operator=(const PartWorkers&) = delete;
  ~PartWorkers();

  /// Returns an empty buffer of `part_bytes`, and waits for one.
  [[nodiscard]] PartBuffer take_buffer();
  void submit(PartJob job);
  /// Waits until everything that was submitted is sent, and gives the memory back. Nothing is
  /// submitted afterwards.
  void drain();
  /// Throws the error that made a part fail. All calls above throw it, too, and `canceled` after a
  /// stop.
  void check() const;

  /// Ends running transfers and all threads. Returns true when something that was submitted may not
  /// have been sent.
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
  bool is_draining_ = false;
  std::optional<Error> failure_;
  std::vector<std::jthread> threads_;  // last: ends before what it uses
};

}  // namespace pgbackup
