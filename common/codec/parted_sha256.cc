#include "common/codec/parted_sha256.h"

#include <algorithm>
#include <utility>

#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

std::string format_big_endian(uint64_t value, size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = bytes; i > 0; --i, value >>= 8U) text[i - 1] = static_cast<char>(value & 0xffU);
  return text;
}

}  // namespace

void PartedSha256::update(std::string_view bytes) {
  if (!has_instructions_) return plain_.update(bytes);
  const size_t pending = bytes_ % kSha256BlockBytes;
  bytes_ += bytes.size();
  if (pending > 0) {
    const size_t count = std::min(bytes.size(), kSha256BlockBytes - pending);
    std::copy_n(bytes.begin(), count, tail_.begin() + pending);
    bytes.remove_prefix(count);
    if (pending + count < kSha256BlockBytes) return;
    take_blocks(tail_.data(), 1);
  }
  const size_t blocks = bytes.size() / kSha256BlockBytes;
  take_blocks(bytes.data(), blocks);
  bytes.remove_prefix(blocks * kSha256BlockBytes);
  std::copy(bytes.begin(), bytes.end(), tail_.begin());
}

void PartedSha256::take_blocks(const char* blocks, size_t count) {
  if (is_in_step()) {
    take_sha256_blocks(whole_, part_, blocks, count);
  } else {
    take_sha256_blocks(whole_, blocks, count);
  }
}

std::string PartedSha256::end_part() {
  if (!has_instructions_) return "";
  std::string digest = is_in_step() ? finish(part_, bytes_ - part_begin_) : "";
  part_ = kSha256Start;
  part_begin_ = bytes_;
  return digest;
}

std::string PartedSha256::hex() const {
  return has_instructions_ ? finish(whole_, bytes_) : plain_.hex();
}

/// Takes the tail, a bit that is 1, zeros, and the length in bits: FIPS 180-4 section 5.1.1.
std::string PartedSha256::finish(Sha256State state, uint64_t bytes) const {
  constexpr size_t kLengthBytes = 8;
  std::string last(tail_.data(), bytes_ % kSha256BlockBytes);
  last += '\x80';
  const size_t blocks = (last.size() + kLengthBytes - 1) / kSha256BlockBytes + 1;
  last.resize(blocks * kSha256BlockBytes - kLengthBytes);
  last += format_big_endian(bytes * 8, kLengthBytes);
  take_sha256_blocks(state, last.data(), blocks);
  std::string digest;
  for (const uint32_t word : state) digest += format_big_endian(word, sizeof word);
  return encode_hex(digest);
}

}  // namespace pgbackup
