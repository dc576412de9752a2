// The two ends of a stream of bytes. A chain is stack objects, each holding a reference to the
// next; destruction undoes it in reverse. Two of the five invariants live in these contracts:
//   end of stream means success (Source), only finish() commits (Sink).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

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
  /// Abandons what was written, unless finish() was called before.
  virtual ~Sink() = default;

  /// Takes all of `bytes`, or throws.
  virtual void write(std::string_view bytes) = 0;
  /// Commits what was written, here and in all that follows in the chain. Called once, last.
  virtual void finish() = 0;
};

/// Takes bytes for nobody.
class NullSink final : public Sink {
 public:
  void write(std::string_view /*bytes*/) override {}
  void finish() override {}
};

/// The bytes of one read: a whole pipe buffer after F_SETPIPE_SZ, four zstd blocks.
inline constexpr size_t kCopyBytes = size_t{512} << 10U;

/// Copies everything from `source` to `sink`, and does not finish `sink`. Throws what they throw.
void copy_bytes(Source& source, Sink& sink);

}  // namespace pgbackup
