// Zstandard (RFC 8878) as two stages of a chain. A stream is a row of small frames, each with a
// content checksum: `zstd -d` reads it, several threads can compress it, and a reader can check
// each frame before it passes the frame on.
#pragma once

#include <zstd.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/handle.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// The levels of the zstd command line without --ultra and --fast.
inline constexpr int kMinZstdLevel = 1;
inline constexpr int kMaxZstdLevel = 19;

/// The uncompressed bytes of a frame. Smaller frames cost more bytes: 0.7 % at this size, 0.3 % at
/// twice of it.
inline constexpr size_t kFrameBytes = size_t{2} << 20U;

/// The number of threads by default. More are of use where pg_dump is faster than they are.
inline constexpr int kZstdThreads = 2;
inline constexpr int kMaxZstdThreads = 64;

/// Compresses what passes, with a frame for each of its threads at a time. Calls `next` from the
/// calling thread alone, and in order. Takes about 15 MiB of memory with two threads at level 3,
/// more at higher levels.
class ZstdSink final : public Sink {
 public:
  ZstdSink(Sink& next, int level, int threads = kZstdThreads);
  ZstdSink(const ZstdSink&) = delete;
  ZstdSink& operator=(const ZstdSink&) = delete;
  ~ZstdSink() override;
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  struct Frame {
    std::unique_ptr<char[]> plain;
    size_t plain_bytes = 0;
    std::unique_ptr<char[]> packed;
    std::optional<size_t> packed_bytes;  ///< none until compressed; may be an error code of zstd's
  };

  Frame& frame(uint64_t number) { return frames_.at(number % frames_.size()); }
  void compress_frames(ZSTD_CCtx* context, const std::stop_token& stop);
  void submit();
  void pass_on(uint64_t keep);

  Sink& next_;
  std::vector<Frame> frames_;
  uint64_t passed_on_ = 0;  ///< number of the oldest frame that is not yet in `next_`

  std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t filled_ = 0;  ///< number of the frame being filled; all before it are for the threads
  uint64_t taken_ = 0;   ///< number of the next frame that a thread takes
  std::vector<std::jthread> threads_;  // last: ends before what it uses
};

/// Returns what a ZstdSink passes on for `bytes`, compressed in the calling thread. Takes 7 MiB of
/// memory at level 3 beside the result.
[[nodiscard]] std::string zstd_frames(std::string_view bytes, int level);

/// The most uncompressed bytes of a frame that is read: other versions of this program may write
/// larger frames.
inline constexpr size_t kMaxFrameBytes = size_t{16} << 20U;

/// Decompresses what passes, and passes on whole frames. Throws `corrupt` for anything else, a
/// frame larger than kMaxFrameBytes and a mismatch of a checksum. finish() throws `corrupt` when
/// the last frame is not complete.
class UnzstdSink final : public Sink {
 public:
  explicit UnzstdSink(Sink& next);
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  void make_room();

  Sink& next_;
  Handle<ZSTD_DCtx, ZSTD_freeDCtx> context_;
  std::vector<char> frame_;  ///< not yet checked; larger than what it holds
  size_t frame_bytes_ = 0;   ///< that it holds
  bool frame_complete_ = false;
};

}  // namespace pgbackup
