// A stage that lets the stages before and behind it work at the same time, each in a thread of its
// own.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "common/codec/sink.h"

namespace pgbackup {

/// Passes on what is written to it in a thread of its own, at most 4 MiB later: write() waits then.
/// Throws from write() or finish() what `next` throws, and then passes nothing on. finish()
/// finishes `next` in the calling thread, after everything has been passed on.
class RelaySink final : public Sink {
 public:
  /// `next` must outlive the relay, and is for the relay alone to use.
  explicit RelaySink(Sink& next);
  RelaySink(const RelaySink&) = delete;
  RelaySink& operator=(const RelaySink&) = delete;
  /// Waits for a write to `next` that is going on.
  ~RelaySink() override;
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  static constexpr size_t kBlocks = 8;

  void pass_on(const std::stop_token& stop);
  std::string& block(uint64_t number) { return blocks_[number % kBlocks]; }

  Sink& next_;
  std::array<std::string, kBlocks> blocks_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t filled_ = 0;     ///< blocks that were written to this stage
  uint64_t passed_on_ = 0;  ///< of these, blocks that `next` has taken
  std::exception_ptr failure_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace pgbackup
