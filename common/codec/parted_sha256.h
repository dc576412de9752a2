// SHA-256 of a stream and of its parts. S3 signs the digest of each part, the manifest names that
// of the whole: where the processor computes both in one pass over the bytes, they are had for the
// price of one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/codec/digest.h"
#include "common/codec/sha256_blocks.h"

namespace pgbackup {

/// Not thread-safe.
class PartedSha256 {
 public:
  PartedSha256() : PartedSha256(has_sha256_instructions()) {}
  explicit PartedSha256(bool has_instructions) : has_instructions_(has_instructions) {}

  void update(std::string_view bytes);
  /// The digest of what came since the last call, 64 hexadecimal digits; the next part begins.
  /// Empty where it would have cost a pass of its own: without the instructions for it, and for a
  /// part that does not begin at a multiple of 64 bytes.
  [[nodiscard]] std::string end_part();
  /// The digest of everything so far, 64 hexadecimal digits; more may be added afterwards.
  [[nodiscard]] std::string hex() const;

 private:
  void take_blocks(const char* blocks, size_t count);
  [[nodiscard]] std::string finish(Sha256State state, uint64_t bytes) const;
  /// Whole and part see the same blocks.
  [[nodiscard]] bool is_in_step() const { return part_begin_ % kSha256BlockBytes == 0; }

  bool has_instructions_;
  Sha256 plain_;  ///< of the whole, without them
  Sha256State whole_ = kSha256Start;
  Sha256State part_ = kSha256Start;
  std::array<char, kSha256BlockBytes> tail_{};  ///< what fills no block yet
  uint64_t bytes_ = 0;
  uint64_t part_begin_ = 0;
};

}  // namespace pgbackup
