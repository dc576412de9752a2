#include "common/codec/sha256_blocks.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#else
#include "common/base/error.h"
#endif

namespace pgbackup {

#if defined(__x86_64__)
namespace {

/// The constants of section 4.2.2.
alignas(16) constexpr std::array<uint32_t, 64> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr int kVectors = 16;  ///< of four rounds each

#define PGBACKUP_SHA __attribute__((target("sha,sse4.1")))

template <class Word>
PGBACKUP_SHA __m128i load(const Word* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

PGBACKUP_SHA void store(uint32_t* to, __m128i value) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
}

/// Loads four words of a block, which are big-endian (section 3.1).
PGBACKUP_SHA __m128i load_words(const char* from) {
  const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  return _mm_shuffle_epi8(load(from), order);
}

/// Returns the next four words of the schedule from the last sixteen, oldest first (section 6.2.2,
/// step 1).
PGBACKUP_SHA __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3) {
  const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
  return _mm_sha256msg2_epu32(sum, w3);
}

/// Holds a state as the instructions want it: words a, b, e, f and c, d, g, h, the first one
/// highest.
struct Halves {
  __m128i abef;
  __m128i cdgh;
};

PGBACKUP_SHA Halves split(const Sha256State& state) {
  const __m128i badc = _mm_shuffle_epi32(load(&state[0]), 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(load(&state[4]), 0x1b);
  return {_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xf0)};
}

PGBACKUP_SHA void join(const Halves& halves, Sha256State& state) {
  const __m128i feba = _mm_shuffle_epi32(halves.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(halves.cdgh, 0xb1);
  store(&state[0], _mm_blend_epi16(feba, dchg, 0xf0));
  store(&state[4], _mm_alignr_epi8(dchg, feba, 8));
}

template <size_t kStates>
PGBACKUP_SHA void take_block(std::array<Halves, kStates>& states, const char* block) {
  const std::array<Halves, kStates> before = states;
  // Not a std::array, because a vector type loses its alignment as a template's argument.
  __m128i words[4] = {load_words(block), load_words(block + 16), load_words(block + 32),
                      load_words(block + 48)};
#pragma GCC unroll 16
  for (size_t i = 0; i < kVectors; ++i) {
    const __m128i two = _mm_add_epi32(words[i % 4], load(&kRoundConstants[4 * i]));
    const __m128i two_more = _mm_shuffle_epi32(two, 0x0e);
    // abef becomes cdgh two rounds later, so the halves change places twice.
    for (Halves& state : states) {
      state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, two);
    }
    for (Halves& state : states) {
      state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, two_more);
    }
    words[i % 4] = next_words(words[i % 4], words[(i + 1) % 4], words[(i + 2) % 4],
                              words[(i + 3) % 4]);  // those after the last round are dropped
  }
  for (size_t i = 0; i < kStates; ++i) {
    states[i].abef = _mm_add_epi32(states[i].abef, before[i].abef);
    states[i].cdgh = _mm_add_epi32(states[i].cdgh, before[i].cdgh);
  }
}

bool ask_processor() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  const bool has_sha = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & bit_SHA) != 0;
  return has_sha && __builtin_cpu_supports("sse4.1") != 0;
}

}  // namespace

bool has_sha256_instructions() {
  static const bool answer = ask_processor();
  return answer;
}

PGBACKUP_SHA void take_sha256_blocks(Sha256State& state, const char* blocks, size_t count) {
  std::array<Halves, 1> halves = {split(state)};
  for (size_t i = 0; i < count; ++i) take_block(halves, blocks + i * kSha256BlockBytes);
  join(halves[0], state);
}

PGBACKUP_SHA void take_sha256_blocks(Sha256State& a, Sha256State& b, const char* blocks,
                                     size_t count) {
  std::array<Halves, 2> halves = {split(a), split(b)};
  for (size_t i = 0; i < count; ++i) take_block(halves, blocks + i * kSha256BlockBytes);
  join(halves[0], a);
  join(halves[1], b);
}

#else

bool has_sha256_instructions() { return false; }

void take_sha256_blocks(Sha256State& /*state*/, const char* /*blocks*/, size_t /*count*/) {
  throw Error(ErrorKind::failed, "this processor has no SHA-256 instructions");
}

void take_sha256_blocks(Sha256State& /*a*/, Sha256State& /*b*/, const char* /*blocks*/,
                        size_t /*count*/) {
  throw Error(ErrorKind::failed, "this processor has no SHA-256 instructions");
}

#endif

}  // namespace pgbackup
