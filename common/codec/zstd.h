// Zstandard (RFC 8878) as two stages of a chain. One frame with a content checksum per stream, so
// that `zstd -d` reads it and notices damage.
#pragma once

#include <zstd.h>

#include <vector>

#include "common/base/handle.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// The levels of the zstd command line without --ultra and --fast.
inline constexpr int kMinZstdLevel = 1;
inline constexpr int kMaxZstdLevel = 19;

/// Compresses what passes. Not thread-safe; compression runs in a thread of the library, so that
/// the caller can read and hash the next bytes meanwhile. Memory: about 30 MiB at level 3.
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
};

/// Decompresses what passes: one or more frames. Throws `corrupt` for anything that is not one, a
/// checksum that does not match, and in finish() when the last frame is not complete.
class UnzstdSink final : public Sink {
 public:
  explicit UnzstdSink(Sink& next);
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  Sink& next_;
  Handle<ZSTD_DCtx, ZSTD_freeDCtx> context_;
  std::vector<char> out_;
  bool frame_complete_ = false;
};

}  // namespace pgbackup
