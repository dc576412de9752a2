// gzip (RFC 1952) as two stages of a chain, by zlib: for users who need it, and for the dumps of
// older systems.
#pragma once

#include <zlib.h>

#include <string_view>
#include <vector>

#include "common/codec/sink.h"

namespace pgbackup {

/// The bytes that every gzip member begins with (RFC 1952, section 2.3.1).
inline constexpr std::string_view kGzipMagic = "\x1f\x8b";

inline constexpr int kMinGzipLevel = 1;
inline constexpr int kMaxGzipLevel = 9;

/// Compresses what passes into one member.
class GzipSink final : public Sink {
 public:
  GzipSink(Sink& next, int level);
  GzipSink(const GzipSink&) = delete;
  GzipSink& operator=(const GzipSink&) = delete;
  ~GzipSink() override;
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  void deflate_all(int flush);

  Sink& next_;
  z_stream stream_{};
  std::vector<char> out_;
};

/// Decompresses what passes; several members in a row are one stream, as for `gzip -d`. Throws
/// `corrupt` for anything else and for a mismatch of checksum or length; the bytes before it have
/// then been passed on. finish() throws `corrupt` when the last member is not complete.
class GunzipSink final : public Sink {
 public:
  explicit GunzipSink(Sink& next);
  GunzipSink(const GunzipSink&) = delete;
  GunzipSink& operator=(const GunzipSink&) = delete;
  ~GunzipSink() override;
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  void inflate_some();

  Sink& next_;
  z_stream stream_{};
  std::vector<char> out_;
  bool member_complete_ = false;
};

}  // namespace pgbackup
