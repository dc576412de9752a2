// SHA-256 of a stream and of its parts. S3 signs the digest of each part, and the manifest names
// that of the whole. Where the processor computes both in one pass over the bytes, the second costs
// nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/codec/digest.h"
#include "common/codec/sha256_blocks.h"

namespace pgbackup {

/// Computes the digests of a stream and of its parts. Not thread-safe.
class PartedSha256 {
 public:
  PartedSha256() : PartedSha256(has_sha256_instructions()) {}
  explicit PartedSha256(bool has_instructions) : has_instructions_(has_instructions) {}

  void update(std::string_view bytes);
  /// Ends a part and returns its digest, 64 hexadecimal digits. Returns an empty string where the
  /// digest would have cost a pass of its own: without the processor's instructions, and for a part
  /// that does not begin at a multiple of 64 bytes.
  [[nodiscard]] std::string end_part();
  /// Returns the digest of everything so far as 64 hexadecimal digits. More may be added
  /// afterwards.
  [[nodiscard]] std::string hex() const;

 private:
  void take_blocks(const char* blocks, size_t count);
  [[nodiscard]] std::string finish(Sha256State state, uint64_t bytes) const;
  /// Returns whether the whole and the part see the same blocks.
  [[nodiscard]] bool is_in_step() const { return part_begin_ % kSha256BlockBytes == 0; }

  bool has_instructions_;
  Sha256 plain_;  ///< digest of the whole, without the processor's instructions
  Sha256State whole_ = kSha256Start;
  Sha256State part_ = kSha256Start;
  std::array<char, kSha256BlockBytes> tail_{};  ///< the bytes that do not fill a block yet
  uint64_t bytes_ = 0;
  uint64_t part_begin_ = 0;
};

}  // namespace pgbackup
