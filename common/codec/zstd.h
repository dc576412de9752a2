// Zstandard (RFC 8878) as two stages of a chain. One frame with a content checksum per stream, so
// that `zstd -d` reads it and notices damage.
#pragma once

#include <zstd.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/base/handle.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// The levels of the zstd command line without --ultra and --fast.
inline constexpr int kMinZstdLevel = 1;
inline constexpr int kMaxZstdLevel = 19;

/// Plain bytes of a frame. Smaller ones cost more: 0.05 % at this size.
inline constexpr size_t kFrameBytes = size_t{16} << 20U;

/// Compresses what passes, in the calling thread: the library's own threads cost 35 MiB more and no
/// less CPU. Memory: about 6 MiB at level 3. Not thread-safe.
class ZstdSink final : public Sink {
 public:
  ZstdSink(Sink& next, int level);
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  void run(std::string_view bytes, ZSTD_EndDirective directive);

  Sink& next_;
  Handle<ZSTD_CCtx, ZSTD_freeCCtx> context_;
  std::vector<char> out_;
  size_t in_frame_ = 0;
};

/// Decompresses what passes, and passes on whole frames. Throws `corrupt` for anything else, a
/// frame larger than ours, a checksum that does not match, and in finish() when the last frame is
/// not complete.
class UnzstdSink final : public Sink {
 public:
  explicit UnzstdSink(Sink& next);
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  Sink& next_;
  Handle<ZSTD_DCtx, ZSTD_freeDCtx> context_;
  std::vector<char> out_;
  std::string frame_;  ///< not yet checked
  bool frame_complete_ = false;
};

}  // namespace pgbackup
