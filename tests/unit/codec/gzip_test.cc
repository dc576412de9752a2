#include "common/codec/gzip.h"

#include <algorithm>
#include <string>

#include "tests/support/error_of.h"
#include "tests/support/gzip.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

std::string decompress(std::string_view packed, size_t chunk = SIZE_MAX) {
  StringSink end;
  GunzipSink gunzip(end);
  for (size_t i = 0; i < packed.size(); i += std::min(chunk, packed.size() - i)) {
    gunzip.write(packed.substr(i, chunk));
  }
  CHECK_FALSE(end.finished);
  gunzip.finish();
  CHECK(end.finished);
  return end.bytes;
}

bool is_damaged(std::string_view packed) {
  return fails_with(ErrorKind::corrupt, "the compressed data", [&] { return decompress(packed); });
}

std::string sample(size_t bytes) {
  std::string text;
  unsigned random = 7;
  while (text.size() < bytes) {
    random = random * 1103515245U + 12345U;
    text += std::to_string(random >> 20U) + "\t";
  }
  text.resize(bytes);
  return text;
}

TEST_CASE("What gzip packed comes back, in chunks of any size") {
  for (const size_t bytes : {0, 1, 1000, 262'143, 262'144, 262'145, 524'288, 3'000'000}) {
    CAPTURE(bytes);
    const std::string plain = sample(bytes);
    const std::string packed = gzip(plain);
    CHECK(decompress(packed) == plain);
    CHECK(decompress(packed, 8191) == plain);
    CHECK(decompress(gzip(std::string(bytes, 'x')), 1) == std::string(bytes, 'x'));
  }
}

TEST_CASE("Several gzip members are one stream") {
  const std::string packed = gzip("one ") + gzip("") + gzip("two");
  CHECK(decompress(packed) == "one two");
  CHECK(decompress(packed, 1) == "one two");
}

TEST_CASE("A gzip stream cut off at any byte is damaged") {
  const std::string packed = gzip(sample(2000));
  for (size_t length = 0; length < packed.size(); ++length) {
    CAPTURE(length);
    CHECK(is_damaged(packed.substr(0, length)));
  }
  for (size_t length = 1; length < packed.size(); ++length) {
    CAPTURE(length);
    CHECK(is_damaged(packed + packed.substr(0, length)));
  }
}

TEST_CASE("What is packed comes back, at any level and in any steps") {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1000}, size_t{3'000'000}}) {
    const std::string plain = sample(size);
    for (const int level : {kMinGzipLevel, 6, kMaxGzipLevel}) {
      for (const size_t step : {size_t{1000}, size_t{1'000'000}}) {
        CAPTURE(size, level, step);
        StringSink packed;
        GzipSink gzip(packed, level);
        for (size_t at = 0; at < size; at += step)
          gzip.write(std::string_view(plain).substr(at, step));
        CHECK_FALSE(packed.finished);
        gzip.finish();
        CHECK(packed.finished);
        CHECK(decompress(packed.bytes) == plain);
        CHECK(packed.bytes.size() < 100 + size * 3 / 4);
      }
    }
  }
}

TEST_CASE("A flipped bit in a gzip stream is noticed or harmless") {
  const std::string plain = sample(500);
  const std::string packed = gzip(plain);
  for (size_t i = 0; i < packed.size() * 8; ++i) {
    CAPTURE(i);
    std::string flipped = packed;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    // Time, level and system in the header mean nothing.
    if (!is_damaged(flipped)) CHECK(decompress(flipped) == plain);
  }
}

TEST_CASE("A wrong checksum, a wrong length and what follows the end are damage") {
  const std::string packed = gzip("abc");
  for (const size_t from_end : {1, 4, 5, 8}) {  // length and CRC-32
    CAPTURE(from_end);
    std::string changed = packed;
    changed[packed.size() - from_end] = static_cast<char>(changed[packed.size() - from_end] ^ 1);
    CHECK(is_damaged(changed));
  }
  for (const auto* more : {"x", "\n", "\x1f", "\x1f\x8b", "PGDMP", "-- comment\n"}) {
    CAPTURE(more);
    CHECK(is_damaged(packed + more));
  }
  CHECK(is_damaged(packed + '\0'));
}

TEST_CASE("What is no gzip stream is refused, and nothing is no stream") {
  for (const auto* text : {"", "x", "PGDMP\x01\x0f", "\x28\xb5\x2f\xfd", "\x1f\x9d\x90", "BZh9",
                           "\x1f\x8b\x07", "\x78\x9c\x4b"}) {
    CAPTURE(text);
    CHECK(is_damaged(text));
  }
}

}  // namespace
}  // namespace pgbackup
