// gzip (RFC 1952) on the way out, by zlib: what older systems packed their dumps with.
#pragma once

#include <zlib.h>

#include <string_view>
#include <vector>

#include "common/codec/sink.h"

namespace pgbackup {

/// What every gzip member begins with (RFC 1952, section 2.3.1).
inline constexpr std::string_view kGzipMagic = "\x1f\x8b";

/// Decompresses what passes; several members in a row are one stream, as for `gzip -d`. Throws
/// `corrupt` for anything else and for a checksum or length that does not match; what came before
/// has then been passed on. So does finish() when the last member is not complete.
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
