#include "common/codec/parted_sha256.h"

#include <algorithm>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

std::string some_bytes(size_t count) {
  std::string bytes(count, '\0');
  uint32_t state = 1;
  for (char& c : bytes) {
    state = state * 1'664'525U + 1'013'904'223U;
    c = static_cast<char>(state >> 24U);
  }
  return bytes;
}

/// In pieces of uneven sizes, as they come out of a compressor.
void update_in_pieces(PartedSha256& hash, std::string_view bytes, size_t step) {
  while (!bytes.empty()) {
    const size_t count = std::min(bytes.size(), step);
    hash.update(bytes.substr(0, count));
    bytes.remove_prefix(count);
    step = step % 97 + 31;
  }
}

/// What end_part() says where it says something.
std::string digest_of_part(std::string_view bytes) {
  return has_sha256_instructions() ? sha256_hex(bytes) : "";
}

TEST_CASE("A stream of any length has the digest that OpenSSL gives") {
  const std::string bytes = some_bytes(300);
  for (size_t length = 0; length <= bytes.size(); ++length) {
    const std::string_view stream = std::string_view(bytes).substr(0, length);
    PartedSha256 hash;
    update_in_pieces(hash, stream, 1 + length % 70);
    INFO(length << " bytes");
    REQUIRE(hash.hex() == sha256_hex(stream));
    REQUIRE(hash.hex() == sha256_hex(stream));
    REQUIRE(hash.end_part() == digest_of_part(stream));
  }
}

TEST_CASE("Every part of a stream has its own digest, and the whole has one") {
  const std::string bytes = some_bytes(5 * 4096 + 77);
  PartedSha256 hash;
  for (size_t begin = 0; begin < bytes.size(); begin += 4096) {
    const std::string_view part = std::string_view(bytes).substr(begin, 4096);
    update_in_pieces(hash, part, 50);
    CHECK(hash.end_part() == digest_of_part(part));
    CHECK(hash.hex() == sha256_hex(bytes.substr(0, begin + part.size())));
  }
}

TEST_CASE("A part that begins within a block has no digest for nothing, the whole keeps its own") {
  const std::string bytes = some_bytes(3000);
  const std::string_view all = bytes;
  PartedSha256 hash;
  hash.update(all.substr(0, 1001));
  CHECK(hash.end_part() == digest_of_part(all.substr(0, 1001)));
  hash.update(all.substr(1001, 1047));  // to 2048
  CHECK(hash.end_part().empty());
  hash.update(all.substr(2048));
  CHECK(hash.end_part() == digest_of_part(all.substr(2048)));
  CHECK(hash.hex() == sha256_hex(all));
}

TEST_CASE("A processor without instructions for it computes the whole alone") {
  const std::string bytes = some_bytes(200);
  PartedSha256 hash(false);
  update_in_pieces(hash, bytes, 7);
  CHECK(hash.end_part().empty());
  CHECK(hash.hex() == sha256_hex(bytes));
  hash.update("more");
  CHECK(hash.hex() == sha256_hex(bytes + "more"));
}

}  // namespace
}  // namespace pgbackup
