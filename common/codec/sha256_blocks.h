// The block function of SHA-256 by the processor's SHA instructions, over one state or over two
// that take the same blocks. The second costs no time: what is derived from a block serves both,
// and the rounds of one fill the waits of the other. For whole digests see digest and
// parted_sha256.
// https://doi.org/10.6028/NIST.FIPS.180-4
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pgbackup {

inline constexpr size_t kSha256BlockBytes = 64;
using Sha256State = std::array<uint32_t, 8>;

/// The state before the first block (section 5.3.3).
inline constexpr Sha256State kSha256Start = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// Returns false on all processors but x86-64 with SHA extensions. The functions below must not be
/// called then.
[[nodiscard]] bool has_sha256_instructions();

/// Takes `count` blocks into `state`, or into both.
void take_sha256_blocks(Sha256State& state, const char* blocks, size_t count);
void take_sha256_blocks(Sha256State& a, Sha256State& b, const char* blocks, size_t count);

}  // namespace pgbackup
