#include "common/codec/zstd.h"

#include <string>

#include "common/base/error.h"

namespace pgbackup {
namespace {

size_t check(size_t result, ErrorKind kind, const char* what) {
  if (ZSTD_isError(result) != 0) {
    throw Error(kind, std::string(what) + ": " + ZSTD_getErrorName(result));
  }
  return result;
}

}  // namespace

ZstdSink::ZstdSink(Sink& next, int level)
    : next_(next), context_(ZSTD_createCCtx()), out_(ZSTD_CStreamOutSize()) {
  const auto set = [&](ZSTD_cParameter parameter, int value) {
    check(ZSTD_CCtx_setParameter(context_.get(), parameter, value), ErrorKind::failed, "zstd");
  };
  set(ZSTD_c_compressionLevel, level);
  set(ZSTD_c_checksumFlag, 1);
}

void ZstdSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (in_frame_ == kFrameBytes) {  // only when more follows: no empty frame at the end
      run({}, ZSTD_e_end);
      in_frame_ = 0;
    }
    const std::string_view step = bytes.substr(0, kFrameBytes - in_frame_);
    run(step, ZSTD_e_continue);
    in_frame_ += step.size();
    bytes.remove_prefix(step.size());
  }
}

void ZstdSink::finish() {
  run({}, ZSTD_e_end);
  next_.finish();
}

void ZstdSink::run(std::string_view bytes, ZSTD_EndDirective directive) {
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  size_t left = 0;
  do {
    ZSTD_outBuffer out = {out_.data(), out_.size(), 0};
    left = check(ZSTD_compressStream2(context_.get(), &out, &in, directive), ErrorKind::failed,
                 "zstd");
    if (out.pos > 0) next_.write({out_.data(), out.pos});
  } while (in.pos < in.size || (directive == ZSTD_e_end && left > 0));
}

UnzstdSink::UnzstdSink(Sink& next)
    : next_(next), context_(ZSTD_createDCtx()), out_(ZSTD_DStreamOutSize()) {}

void UnzstdSink::write(std::string_view bytes) {
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  bool more_to_come = true;
  while (in.pos < in.size || more_to_come) {
    ZSTD_outBuffer out = {out_.data(), out_.size(), 0};
    const size_t before = in.pos;
    const size_t left = check(ZSTD_decompressStream(context_.get(), &out, &in), ErrorKind::corrupt,
                              "the compressed data is damaged");
    frame_.append(out_.data(), out.pos);
    if (frame_.size() > kFrameBytes) {
      throw Error(ErrorKind::corrupt, "the compressed data is damaged: a frame is too large");
    }
    if (in.pos > before || out.pos > 0) frame_complete_ = left == 0;
    if (left == 0 && !frame_.empty()) {
      next_.write(frame_);
      frame_.clear();
    }
    // A full output buffer may mean that the library holds more for the same input.
    more_to_come = out.pos == out.size;
  }
}

void UnzstdSink::finish() {
  if (!frame_complete_) throw Error(ErrorKind::corrupt, "the compressed data ends too early");
  next_.finish();
}

}  // namespace pgbackup
