// The end of a stream, kept until everything before it was checked. Checks nothing itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/codec/sink.h"

namespace pgbackup {

/// Passes on everything except the last 64 KiB at least, which it keeps until finish(): a reader of
/// the output cannot have seen the end before. Memory: at most twice as much.
class HoldBackSink final : public Sink {
 public:
  explicit HoldBackSink(Sink& next) : next_(next) {}
  void write(std::string_view bytes) override;
  void finish() override;

  /// Returns the number of bytes written to the sink, passed on or not.
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  /// Returns what is kept: the whole stream, or its last 64 KiB at least.
  [[nodiscard]] std::string_view held() const { return held_; }

 private:
  Sink& next_;
  uint64_t bytes_ = 0;
  std::string held_;
};

}  // namespace pgbackup
