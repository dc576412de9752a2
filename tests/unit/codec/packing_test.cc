#include "common/codec/packing.h"

#include <string>

#include "common/base/error.h"
#include "tests/support/age_keys.h"
#include "tests/support/error_of.h"
#include "tests/support/gzip.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

constexpr Compression kAll[] = {Compression::zstd, Compression::gzip, Compression::none};

std::string packed(const std::string& bytes, Compression compression) {
  StringSink out;
  const auto stage = pack(out, {compression}, {});
  stage->write(bytes);
  stage->finish();
  CHECK(out.finished);
  return out.bytes;
}

TEST_CASE("What is packed comes out again, and is named by its suffix") {
  const std::string bytes = "dump " + std::string(10'000, 'x');
  for (const Compression compression : kAll) {
    CAPTURE(compression_name(compression));
    StringSink out;
    const auto stage = unpack(out, {compression});
    stage->write(packed(bytes, compression));
    stage->finish();
    CHECK(out.finished);
    CHECK(out.bytes == bytes);
    CHECK(parse_compression(compression_name(compression)) == compression);
  }
  CHECK(packed(bytes, Compression::none) == bytes);
  CHECK(packing_suffix({Compression::zstd}) == ".zst");
  CHECK(packing_suffix({Compression::gzip}) == ".gz");
  CHECK(packing_suffix({Compression::none}).empty());
  for (const auto* const name : {"", "zst", "ZSTD", "lz4", "none "})
    CHECK(!parse_compression(name));
}

TEST_CASE("What was packed otherwise is refused") {
  for (const Compression other : {Compression::zstd, Compression::gzip}) {
    StringSink out;
    const auto stage = unpack(out, {other});
    CHECK(fails_with(ErrorKind::corrupt, "", [&] {
      stage->write("this is neither");
      stage->finish();
      return 0;
    }));
    CHECK_FALSE(out.finished);
  }
}

TEST_CASE("A frame of zstd may be a whole file where only the content tells of it") {
  std::string bytes = "PGDMP";
  for (int i = 0; bytes.size() < (size_t{20} << 20U); ++i) bytes += std::to_string(i);
  std::string file(ZSTD_compressBound(bytes.size()), '\0');
  file.resize(ZSTD_compress(file.data(), file.size(), bytes.data(), bytes.size(), 1));
  for (const std::string& stored : {file, packed(file, Compression::gzip)}) {
    StringSink out;
    const auto stage = unpack_by_content(out);
    for (size_t at = 0; at < stored.size(); at += 100'000) {
      stage->write(std::string_view(stored).substr(at, 100'000));
    }
    stage->finish();
    CHECK(out.finished);
    CHECK(out.bytes == bytes);
  }
  for (const size_t size : {file.size() - 1, file.size() / 2, size_t{5}}) {
    StringSink out;
    const auto stage = unpack_by_content(out);
    CHECK_THROWS_AS((stage->write(std::string_view(file).substr(0, size)), stage->finish()), Error);
    CHECK_FALSE(out.finished);
  }
}

TEST_CASE("Gzip is undone twice at most where only the content tells of it") {
  const std::string bytes = "PGDMP and more";
  const std::string once = packed(bytes, Compression::gzip);
  const std::string twice = packed(once, Compression::gzip);
  const std::string thrice = packed(twice, Compression::gzip);
  for (const auto& [stored, wanted] :
       std::vector<std::pair<std::string, std::string>>{{bytes, bytes},
                                                        {once, bytes},
                                                        {twice, bytes},
                                                        {thrice, once},
                                                        {"", ""},
                                                        {"\x1f", "\x1f"}}) {
    StringSink out;
    const auto stage = unpack_by_content(out);
    for (const char byte : stored) stage->write({&byte, 1});
    stage->finish();
    CHECK(out.finished);
    CHECK(out.bytes == wanted);
  }
}

TEST_CASE("Encryption is undone once where only the content tells of it") {
  const NoBrokenPipe guard;
  const AgeKeys keys = age_keys(kRecipient, kIdentity);
  const AgeKeys others = age_keys(kOtherRecipient, kOtherIdentity);
  const std::string bytes = "PGDMP and more";
  const auto encrypted = [&](const std::string& text) {
    return pack_bytes(text, {Compression::none, Encryption::age}, {.keys = &keys});
  };
  const std::string once = encrypted(bytes);
  const std::string packed_once = encrypted(packed(bytes, Compression::zstd));
  const std::string packed_twice = encrypted(packed(packed_once, Compression::gzip));
  for (const auto& [stored, wanted] : std::vector<std::pair<std::string, std::string>>{
           {once, bytes},
           {packed_once, bytes},
           {packed(packed_once, Compression::gzip), bytes},
           {packed_twice, packed_once},
           {"age-encryption.org/", "age-encryption.org/"},
           {"age-encryption.org/v2\n", "age-encryption.org/v2\n"}}) {
    StringSink out;
    const auto stage = unpack_by_content(out, &keys);
    for (const char byte : stored) stage->write({&byte, 1});
    stage->finish();
    CHECK(out.finished);
    CHECK(out.bytes == wanted);
  }
  const auto refused = [&](const AgeKeys* with, const std::string& stored) {
    StringSink out;
    const bool is_refused = fails_with(ErrorKind::denied, "", [&] {
      const auto stage = unpack_by_content(out, with);
      stage->write(stored);
      stage->finish();
      return 0;
    });
    return is_refused && out.bytes.empty() && !out.finished;
  };
  CHECK(refused(nullptr, once));
  CHECK(refused(&others, once));
  CHECK(refused(&others, packed(packed_once, Compression::gzip)));
  StringSink out;
  CHECK(fails_with(ErrorKind::corrupt, "", [&] {
    const auto stage = unpack_by_content(out, &keys);
    stage->write(std::string_view(once).substr(0, once.size() - 1));
    stage->finish();
    return 0;
  }));
  CHECK_FALSE(out.finished);
}

}  // namespace
}  // namespace pgbackup
