#include "common/codec/zstd.h"

#include <algorithm>
#include <string>

#include "tests/support/error_of.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

std::string compress(std::string_view plain, int level = 3, size_t chunk = SIZE_MAX) {
  StringSink end;
  ZstdSink zstd(end, level);
  for (size_t i = 0; i < plain.size(); i += std::min(chunk, plain.size() - i)) {
    zstd.write(plain.substr(i, chunk));
  }
  CHECK_FALSE(end.finished);
  zstd.finish();
  CHECK(end.finished);
  return end.bytes;
}

std::string decompress(std::string_view packed, size_t chunk = SIZE_MAX) {
  StringSink end;
  UnzstdSink unzstd(end);
  for (size_t i = 0; i < packed.size(); i += std::min(chunk, packed.size() - i)) {
    unzstd.write(packed.substr(i, chunk));
  }
  unzstd.finish();
  return end.bytes;
}

bool is_damaged(std::string_view packed) {
  const auto error = error_of([&] { return decompress(packed); });
  return error && error->kind() == ErrorKind::corrupt;
}

/// Neither constant nor random.
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

TEST_CASE("What is compressed comes back, in chunks of any size") {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{1000}, size_t{3'000'000}}) {
    const std::string plain = sample(bytes);
    const std::string packed = compress(plain);
    CHECK(decompress(packed) == plain);
    CHECK(decompress(packed, 8191) == plain);
    CHECK(decompress(compress(plain, 3, 100'003), 1 + bytes / 50) == plain);
  }
  const std::string zeros(20'000'000, '\0');
  CHECK(decompress(compress(zeros)) == zeros);
  const std::string plain = sample(1000);
  CHECK(decompress(compress(plain), 1) == plain);
  for (const int level : {kMinZstdLevel, kMaxZstdLevel}) {
    CHECK(decompress(compress(plain, level)) == plain);
  }
}

TEST_CASE("Several frames are one stream") {
  const std::string packed = compress("one ") + compress("") + compress("two");
  CHECK(decompress(packed) == "one two");
  CHECK(decompress(packed, 1) == "one two");
}

TEST_CASE("A stream cut off at any byte is damaged") {
  const std::string packed = compress(sample(2000));
  for (size_t length = 0; length < packed.size(); ++length) {
    CAPTURE(length);
    CHECK(is_damaged(packed.substr(0, length)));
  }
  for (size_t length = 1; length < packed.size(); ++length) {
    CHECK(is_damaged(packed + packed.substr(0, length)));
  }
}

TEST_CASE("A flipped bit anywhere is noticed or harmless") {
  const std::string plain = sample(2000);
  const std::string packed = compress(plain);
  size_t noticed = 0;
  for (size_t i = 0; i < packed.size() * 8; ++i) {
    std::string flipped = packed;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    if (is_damaged(flipped)) {
      ++noticed;
    } else {
      // Bits that pad a block or a table mean nothing.
      CHECK(decompress(flipped) == plain);
    }
  }
  CHECK(noticed > packed.size() * 8 - 16);
}

TEST_CASE("No byte of a damaged frame is passed on, and every byte of those before it") {
  const std::string plain = sample(2 * kFrameBytes + 1000);
  const std::string packed = compress(plain);
  for (const size_t at : {packed.size() / 4, packed.size() * 3 / 4, packed.size() - 5}) {
    CAPTURE(at);
    std::string flipped = packed;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    StringSink end;
    UnzstdSink unzstd(end);
    CHECK(fails_with(ErrorKind::corrupt, "damaged", [&] { unzstd.write(flipped); }));
    CHECK(end.bytes.size() % kFrameBytes == 0);
    CHECK(plain.starts_with(end.bytes));
  }
}

TEST_CASE("A frame may be larger than ours, up to a bound that keeps memory from running out") {
  const auto one_frame = [](size_t bytes) {
    const std::string plain(bytes, 'x');
    std::string packed(ZSTD_compressBound(bytes), ' ');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), bytes, 1));
    return packed;
  };
  CHECK(decompress(one_frame(kMaxFrameBytes)).size() == kMaxFrameBytes);
  CHECK(is_damaged(one_frame(kMaxFrameBytes + 1)));
}

TEST_CASE("What is no zstd stream is refused, and nothing is no stream") {
  for (const auto* text :
       {"", "x", "PGDMP\x01\x0f", "\x1f\x8b\x08", "\x28\xb5\x2f", "\x28\xb5\x2f\xfe"}) {
    CAPTURE(text);
    CHECK(is_damaged(text));
  }
  CHECK(is_damaged(compress("abc") + "garbage"));
}

TEST_CASE("Frames that are compressed side by side come out in order") {
  // Frames that take long next to those that take no time: the order of completion varies.
  std::string plain;
  for (int i = 0; i < 5; ++i) {
    plain += sample(kFrameBytes);
    plain.append(2 * kFrameBytes, static_cast<char>('a' + i));
  }
  plain += "the end";
  const std::string packed = compress(plain, 3, 1'000'003);
  CHECK((decompress(packed) == plain));  // in parentheses: 60 MiB are not for a message
  // However it arrives, and however the threads were scheduled: the same bytes.
  CHECK((compress(plain, 3, kFrameBytes) == packed));
}

TEST_CASE("What fails behind the compressor fails in front of it, at the latest in finish()") {
  class Failing final : public Sink {
   public:
    void write(std::string_view /*bytes*/) override {
      if (writes++ == good_writes) throw Error(ErrorKind::failed, "disk full");
    }
    void finish() override { finished = true; }
    int good_writes = 0;
    int writes = 0;
    bool finished = false;
  };
  const std::string block(kFrameBytes, 'x');
  for (const int good_writes : {0, 1, 5}) {
    CAPTURE(good_writes);
    Failing end;
    end.good_writes = good_writes;
    ZstdSink zstd(end, 3);
    CHECK(fails_with(ErrorKind::failed, "disk full", [&] {
      for (int i = 0; i < 6; ++i) zstd.write(block);
      zstd.finish();
    }));
    CHECK_FALSE(end.finished);
    CHECK(end.writes == good_writes + 1);
  }
}

TEST_CASE("Without finish() nothing is finished") {
  for (const size_t bytes : {size_t{3}, kFrameBytes + 1, 9 * kFrameBytes}) {
    CAPTURE(bytes);
    StringSink end;
    {
      ZstdSink zstd(end, 3);
      zstd.write(std::string(bytes, 'x'));
    }
    CHECK_FALSE(end.finished);
  }
}

}  // namespace
}  // namespace pgbackup
