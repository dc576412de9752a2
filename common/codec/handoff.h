// A stage that runs everything behind it in a thread of its own: reading and hashing the next bytes
// goes on while the last ones are compressed. Two buffers, so memory is fixed and a slow chain
// holds its source.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "common/codec/sink.h"

namespace pgbackup {

class HandoffSink final : public Sink {
 public:
  /// `next` is used by the other thread only, until this object is gone.
  explicit HandoffSink(Sink& next);
  HandoffSink(const HandoffSink&) = delete;
  HandoffSink& operator=(const HandoffSink&) = delete;
  /// Without finish(): ends the thread after what it is doing and leaves `next` unfinished.
  ~HandoffSink() override;

  /// Both throw what `next` threw in its thread, at the latest one call later.
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  enum class State {
    filling,    ///< the thread waits; `full_` is ours
    full,       ///< `full_` is the thread's
    finishing,  ///< the same, and it is the last
    finished,   ///< `next` was finished, or has thrown
    abandoned,  ///< the thread ends
  };

  void run();
  void hand_over(State state);

  Sink& next_;
  std::string filling_;
  std::string full_;
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::filling;
  std::exception_ptr failure_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace pgbackup
