#include "common/codec/zstd.h"

#include <algorithm>
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

Handle<ZSTD_CCtx, ZSTD_freeCCtx> make_context(int level) {
  Handle<ZSTD_CCtx, ZSTD_freeCCtx> context(ZSTD_createCCtx());
  const auto set = [&](ZSTD_cParameter parameter, int value) {
    check(ZSTD_CCtx_setParameter(context.get(), parameter, value), ErrorKind::failed, "zstd");
  };
  set(ZSTD_c_compressionLevel, level);
  set(ZSTD_c_checksumFlag, 1);
  // The levels for which zstd uses "dfast" look for matches of 5 bytes. In dumps, matches of 6 and
  // more take 10 % less time, for 6 % fewer bytes (tables of numbers) to 1 % more (program text).
  if (level == 3 || level == 4) set(ZSTD_c_minMatch, 6);
  return context;
}

}  // namespace

ZstdSink::ZstdSink(Sink& next, int level, int threads)
    // One frame more is being filled.
    : next_(next), frames_(static_cast<size_t>(threads) + 1) {
  for (Frame& frame : frames_) {
    frame.plain = std::make_unique_for_overwrite<char[]>(kFrameBytes);
    frame.packed = std::make_unique_for_overwrite<char[]>(ZSTD_COMPRESSBOUND(kFrameBytes));
  }
  while (threads_.size() < static_cast<size_t>(threads)) {
    threads_.emplace_back([this, context = make_context(level)](const std::stop_token& stop) {
      compress_frames(context.get(), stop);
    });
  }
}

ZstdSink::~ZstdSink() {
  for (std::jthread& thread : threads_) thread.request_stop();  // all, before the first is joined
}

void ZstdSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (frame(filled_).plain_bytes == kFrameBytes) submit();  // more follows: no empty last frame
    Frame& filling = frame(filled_);
    const size_t count = std::min(bytes.size(), kFrameBytes - filling.plain_bytes);
    bytes.copy(filling.plain.get() + filling.plain_bytes, count);
    filling.plain_bytes += count;
    bytes.remove_prefix(count);
  }
}

void ZstdSink::finish() {
  submit();
  pass_on(0);
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
  frames_.clear();  // gives the memory back: the stages behind may take long
  next_.finish();
}

/// Gives the filled frame to the threads and makes an empty one the next to fill.
void ZstdSink::submit() {
  {
    const std::lock_guard lock(mutex_);
    ++filled_;
  }
  changed_.notify_all();
  pass_on(frames_.size() - 1);
}

/// Hands compressed frames to `next_`, the oldest first, until only `keep` are not there.
void ZstdSink::pass_on(uint64_t keep) {
  for (; filled_ - passed_on_ > keep; ++passed_on_) {
    Frame& oldest = frame(passed_on_);
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return oldest.packed_bytes.has_value(); });
    }
    next_.write({oldest.packed.get(), check(*oldest.packed_bytes, ErrorKind::failed, "zstd")});
    oldest.plain_bytes = 0;
    oldest.packed_bytes.reset();
  }
}

void ZstdSink::compress_frames(ZSTD_CCtx* context, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return taken_ < filled_; }) && !stop.stop_requested()) {
    Frame& mine = frame(taken_++);
    lock.unlock();
    const size_t packed_bytes =
        ZSTD_compress2(context, mine.packed.get(), ZSTD_COMPRESSBOUND(kFrameBytes),
                       mine.plain.get(), mine.plain_bytes);
    lock.lock();
    mine.packed_bytes = packed_bytes;
    changed_.notify_all();
  }
}

std::string zstd_frames(std::string_view bytes, int level) {
  const auto context = make_context(level);
  const auto frame = std::make_unique_for_overwrite<char[]>(ZSTD_COMPRESSBOUND(kFrameBytes));
  std::string packed;
  packed.reserve(ZSTD_compressBound(bytes.size()));  // else it grows to twice the size
  do {
    const std::string_view plain = bytes.substr(0, kFrameBytes);
    const size_t packed_bytes = ZSTD_compress2(
        context.get(), frame.get(), ZSTD_COMPRESSBOUND(kFrameBytes), plain.data(), plain.size());
    packed.append(frame.get(), check(packed_bytes, ErrorKind::failed, "zstd"));
    bytes.remove_prefix(plain.size());
  } while (!bytes.empty());
  return packed;
}

UnzstdSink::UnzstdSink(Sink& next) : next_(next), context_(ZSTD_createDCtx()) {}

void UnzstdSink::write(std::string_view bytes) {
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  bool more_to_come = true;
  while (in.pos < in.size || more_to_come) {
    if (frame_bytes_ == frame_.size()) make_room();
    ZSTD_outBuffer out = {frame_.data(), frame_.size(), frame_bytes_};
    const size_t before = in.pos;
    const size_t left = check(ZSTD_decompressStream(context_.get(), &out, &in), ErrorKind::corrupt,
                              "the compressed data is damaged");
    if (in.pos > before || out.pos > frame_bytes_) frame_complete_ = left == 0;
    frame_bytes_ = out.pos;
    // A full output buffer may mean that the library holds more for the same input.
    more_to_come = left != 0 && out.pos == out.size;
    if (left == 0 && frame_bytes_ > 0) {
      next_.write({frame_.data(), frame_bytes_});
      frame_bytes_ = 0;
    }
  }
}

void UnzstdSink::make_room() {
  if (frame_.size() == kMaxFrameBytes) {
    throw Error(ErrorKind::corrupt, "the compressed data is damaged: a frame is too large");
  }
  frame_.resize(std::min(std::max(kFrameBytes, 2 * frame_.size()), kMaxFrameBytes));
}

void UnzstdSink::finish() {
  if (!frame_complete_) throw Error(ErrorKind::corrupt, "the compressed data ends too early");
  next_.finish();
}

}  // namespace pgbackup
