// The two ends of a stream of bytes. A chain is stack objects, each holding a reference to the
// next; destruction undoes it in reverse. Two of the five invariants live in these contracts:
//   end of stream means success (Source), only finish() commits (Sink).
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace pgbackup {

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// Fills the front of `buffer` and returns the number of bytes, at least 1. Returns 0 only after
  /// the producer is known to have succeeded; a producer that failed throws instead.
  virtual size_t read(std::span<char> buffer) = 0;
};

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  /// Without a finish() before it: whatever was written is abandoned.
  virtual ~Sink() = default;

  /// Takes all of `bytes`, or throws.
  virtual void write(std::string_view bytes) = 0;
  /// Commits what was written, here and in all that follows in the chain. Called once, last.
  virtual void finish() = 0;
};

/// Bytes per read: a whole pipe buffer after F_SETPIPE_SZ, four zstd blocks.
inline constexpr size_t kPumpBytes = size_t{512} << 10U;

/// Moves everything from `source` to `sink`, which is not finished. Throws what they throw.
void pour(Source& source, Sink& sink);
/// The same, and finishes the sink.
void pump(Source& source, Sink& sink);

/// One stream into several sinks, one after the other. A sink that fails gets nothing more, and the
/// others go on; without any left the last failure is thrown. `canceled` is no failure of a sink:
/// it always goes through.
class Tee final : public Sink {
 public:
  /// Told once about each sink that failed, in write() or finish(): what it has written should be
  /// abandoned now, since the others may go on for hours.
  using LetGo = std::function<void(Sink& sink, const Error& error)>;

  /// `sinks`: at least one.
  Tee(std::vector<Sink*> sinks, LetGo let_go)
      : sinks_(std::move(sinks)), let_go_(std::move(let_go)) {}
  void write(std::string_view bytes) override;
  /// Finishes each of those that are left, whether the others succeed or not.
  void finish() override;

 private:
  void on_each(const std::function<void(Sink&)>& call);

  std::vector<Sink*> sinks_;
  LetGo let_go_;
};

}  // namespace pgbackup
