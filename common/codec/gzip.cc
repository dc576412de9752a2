#include "common/codec/gzip.h"

#include <limits>
#include <new>

#include "common/base/error.h"

namespace pgbackup {
namespace {

constexpr size_t kOutBytes = size_t{256} << 10U;
/// The largest window, plus what makes zlib expect gzip's header and trailer (zlib.h,
/// inflateInit2).
constexpr int kWindowBits = 15 + 16;

}  // namespace

GzipSink::GzipSink(Sink& next, int level) : next_(next), out_(kOutBytes) {
  constexpr int kMemoryLevel = 8;  // zlib's default
  if (deflateInit2(&stream_, level, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::bad_alloc();
  }
}

GzipSink::~GzipSink() { deflateEnd(&stream_); }

void GzipSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view step = bytes.substr(0, std::numeric_limits<uInt>::max());
    bytes.remove_prefix(step.size());
    // zlib does not write there, but its declaration lacks the const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(step.data()));
    stream_.avail_in = static_cast<uInt>(step.size());
    deflate_all(Z_NO_FLUSH);
  }
}

/// Runs until there is room left in the output: zlib then holds back nothing that it could give.
void GzipSink::deflate_all(int flush) {
  do {
    stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
    stream_.avail_out = static_cast<uInt>(out_.size());
    deflate(&stream_, flush);
    const size_t got = out_.size() - stream_.avail_out;
    if (got > 0) next_.write({out_.data(), got});
  } while (stream_.avail_out == 0);
}

void GzipSink::finish() {
  deflate_all(Z_FINISH);
  next_.finish();
}

GunzipSink::GunzipSink(Sink& next) : next_(next), out_(kOutBytes) {
  if (inflateInit2(&stream_, kWindowBits) != Z_OK) throw std::bad_alloc();
}

GunzipSink::~GunzipSink() { inflateEnd(&stream_); }

void GunzipSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view step = bytes.substr(0, std::numeric_limits<uInt>::max());
    bytes.remove_prefix(step.size());
    // zlib does not write there, but its declaration lacks the const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(step.data()));
    stream_.avail_in = static_cast<uInt>(step.size());
    // A full output buffer may mean that zlib holds more for the same input.
    do {
      inflate_some();
    } while (stream_.avail_in > 0 || (stream_.avail_out == 0 && !member_complete_));
  }
}

void GunzipSink::inflate_some() {
  if (member_complete_) inflateReset(&stream_);  // another one follows
  stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
  stream_.avail_out = static_cast<uInt>(out_.size());
  const int result = inflate(&stream_, Z_NO_FLUSH);
  const size_t got = out_.size() - stream_.avail_out;
  if (got > 0) next_.write({out_.data(), got});
  member_complete_ = result == Z_STREAM_END;
  // Z_BUF_ERROR: neither input nor room was left to go on with, which is no error.
  if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
    throw Error(ErrorKind::corrupt, std::string("the compressed data is damaged: ") +
                                        (stream_.msg != nullptr ? stream_.msg : zError(result)));
  }
}

void GunzipSink::finish() {
  if (!member_complete_) throw Error(ErrorKind::corrupt, "the compressed data ends too early");
  next_.finish();
}

}  // namespace pgbackup
