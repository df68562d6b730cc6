// The vectors that kernels are written with: kLanes floats, whatever the instruction set. Compiled once per
// QUERN_ISA; everything here is internal to its object file, so that no AVX-512 code can reach an old
// processor through the linker.
#pragma once
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "core/dtype.h"

#define QUERN_CONCAT_(a, b) a##b
#define QUERN_CONCAT(a, b) QUERN_CONCAT_(a, b)
#define QUERN_TEXT_(x) #x
#define QUERN_TEXT(x) QUERN_TEXT_(x)
#define QUERN_ISA_NAME QUERN_TEXT(QUERN_ISA)

// Which instruction sets are wide, as a number that the preprocessor can compare.
#define QUERN_IS_avx512 1
#define QUERN_IS_avx512_vnni 1
#define QUERN_IS_avx512_twin 1
#define QUERN_WIDE QUERN_CONCAT(QUERN_IS_, QUERN_ISA)

namespace quern::cpu::QUERN_ISA {
namespace {

#if QUERN_WIDE
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

using F32 = float __attribute__((vector_size(4 * kLanes)));
using I32 = int32_t __attribute__((vector_size(4 * kLanes)));
using U32 = uint32_t __attribute__((vector_size(4 * kLanes)));
using U16 = uint16_t __attribute__((vector_size(2 * kLanes)));

template <typename V>
inline V load_bits(const void* from) {
  V value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
inline F32 splat(float value) {
  return value - F32{};
}
inline U32 as_bits(F32 value) {
  return reinterpret_cast<U32>(value);
}
inline F32 as_floats(U32 bits) {
  return reinterpret_cast<F32>(bits);
}

// a * b + c, rounded once where the instruction set can.
inline F32 fma(F32 a, F32 b, F32 c) {
#if defined(__AVX512F__)
  return reinterpret_cast<F32>(
      _mm512_fmadd_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(c)));
#elif defined(__FMA__) && QUERN_WIDE
  union Halves {
    F32 whole;
    __m256 half[2];
  };
  const Halves x{a}, y{b}, z{c};
  Halves sum;
  sum.half[0] = _mm256_fmadd_ps(x.half[0], y.half[0], z.half[0]);
  sum.half[1] = _mm256_fmadd_ps(x.half[1], y.half[1], z.half[1]);
  return sum.whole;
#elif defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

#if defined(__AVX512F__)
constexpr __mmask16 kAllLanes =
    0xffff;  // of the forms without a mask gcc 12 warns that they read what is not set
#endif
// a > b ? a : b, and a < b ? a : b: written so, the compiler takes two instructions of AVX-512 for each.
inline F32 max(F32 a, F32 b) {
#if defined(__AVX512F__)
  return reinterpret_cast<F32>(
      _mm512_maskz_max_ps(kAllLanes, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#else
  return a > b ? a : b;
#endif
}
inline F32 min(F32 a, F32 b) {
#if defined(__AVX512F__)
  return reinterpret_cast<F32>(
      _mm512_maskz_min_ps(kAllLanes, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#else
  return a < b ? a : b;
#endif
}

inline F32 load(const float* from) {
  return load_bits<F32>(from);
}

// Half-wide numbers as the low or the high halves of 32-bit lanes.
inline U32 load_low_halves(const void* from) {
#if defined(__AVX512F__)
  return reinterpret_cast<U32>(_mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(from))));
#elif defined(__AVX2__) && !QUERN_WIDE
  return reinterpret_cast<U32>(_mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(from))));
#elif defined(__SSE2__) && !QUERN_WIDE
  return reinterpret_cast<U32>(
      _mm_unpacklo_epi16(_mm_loadl_epi64(static_cast<const __m128i*>(from)), _mm_setzero_si128()));
#else
  return __builtin_convertvector(load_bits<U16>(from), U32);
#endif
}

inline F32 load(const Bf16* from) {
  return as_floats(load_low_halves(from) << 16);
}

inline F32 load(const F16* from) {
#if defined(__AVX512F__)
  return reinterpret_cast<F32>(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))));
#elif defined(__F16C__) && QUERN_WIDE
  union {
    __m256 half[2];
    F32 whole;
  } both;
  both.half[0] = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  both.half[1] = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 8)));
  return both.whole;
#elif defined(__F16C__)
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#else
  const U32 half = load_low_halves(from);  // as to_f32 in core/dtype.h, all lanes at once
  const U32 sign = (half & 0x8000u) << 16, magnitude = (half & 0x7fffu) << 13;
  const U32 finite = as_bits(as_floats(magnitude) * splat(0x1p112f));
  return as_floats(sign | (magnitude >= (0x7c00u << 13) ? magnitude | 0x7f800000u : finite));
#endif
}

inline void store(float* to, F32 value) {
  __builtin_memcpy(to, &value, sizeof value);
}

inline void store(F16* to, F32 value) {
#if defined(__AVX512F__)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm512_cvtps_ph(reinterpret_cast<__m512>(value), _MM_FROUND_TO_NEAREST_INT));
#elif defined(__F16C__) && !QUERN_WIDE
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
#else
  for (int lane = 0; lane < kLanes; ++lane) to[lane] = to_f16(value[lane]);
#endif
}

// The first `count` < kLanes numbers, zeros behind them: what a row's tail looks like to every kernel.
template <typename T>
inline F32 load_partial(const T* from, int count) {
  T padded[kLanes] = {};
  for (int lane = 0; lane < count; ++lane) padded[lane] = from[lane];
  return load(padded);
}
template <typename T>
inline void store_partial(T* to, F32 value, int count) {
  T padded[kLanes];
  store(padded, value);
  for (int lane = 0; lane < count; ++lane) to[lane] = padded[lane];
}

// The one tree over lanes that every sum ends in: the upper half onto the lower one until one number is left.
using F32x4 = float __attribute__((vector_size(16)));
using F32x8 = float __attribute__((vector_size(32)));
inline float sum_lanes(F32x4 x) {
  return (x[0] + x[2]) + (x[1] + x[3]);
}
#if QUERN_WIDE || defined(__AVX2__)
inline float sum_lanes(F32x8 x) {
  return sum_lanes(__builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7));
}
#endif
inline float sum(F32 value) {
#if QUERN_WIDE
  return sum_lanes(F32x8(__builtin_shufflevector(value, value, 0, 1, 2, 3, 4, 5, 6, 7)) +
                   F32x8(__builtin_shufflevector(value, value, 8, 9, 10, 11, 12, 13, 14, 15)));
#else
  return sum_lanes(value);
#endif
}

// Whether a comparison holds in any lane.
inline bool any(I32 holds) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(holds)) != 0;
#elif defined(__AVX2__) && !QUERN_WIDE
  return _mm256_movemask_epi8(reinterpret_cast<__m256i>(holds)) != 0;
#elif defined(__SSE2__) && !QUERN_WIDE
  return _mm_movemask_epi8(reinterpret_cast<__m128i>(holds)) != 0;
#else
  int32_t all = 0;
  for (int lane = 0; lane < kLanes; ++lane) all |= holds[lane];
  return all != 0;
#endif
}

#if defined(__AVX2__) && !QUERN_WIDE
// For each mask the lanes that it names, in order, in a byte each.
struct LanesOfMask {
  uint64_t lanes[256] = {};
  constexpr LanesOfMask() {
    for (uint64_t mask = 0; mask < 256; ++mask) {
      int found = 0;
      for (uint64_t lane = 0; lane < 8; ++lane)
        if (mask >> lane & 1) lanes[mask] |= lane << 8 * found++;
    }
  }
};
constexpr LanesOfMask kLanesOfMask;
#endif

// Writes the lanes in which a comparison holds, one after the other, and returns how many there are. What
// lies behind them, up to kLanes numbers in all, is overwritten with anything.
inline int store_where(float* to, F32 value, I32 holds) {
#if defined(__AVX512F__)
  const __mmask16 mask = _mm512_movepi32_mask(reinterpret_cast<__m512i>(holds));
  store(to, reinterpret_cast<F32>(_mm512_maskz_compress_ps(mask, reinterpret_cast<__m512>(value))));
  return __builtin_popcount(mask);
#elif defined(__AVX2__) && !QUERN_WIDE
  const auto mask = static_cast<unsigned>(_mm256_movemask_ps(reinterpret_cast<__m256>(holds)));
  const __m256i order =
      _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(kLanesOfMask.lanes[mask])));
  store(to, reinterpret_cast<F32>(_mm256_permutevar8x32_ps(reinterpret_cast<__m256>(value), order)));
  return __builtin_popcount(mask);
#else
  int found = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    to[found] = value[lane];
    found -= holds[lane];
  }
  return found;
#endif
}

inline float largest(F32 value) {
  float most = value[0];
  for (int lane = 1; lane < kLanes; ++lane) most = value[lane] > most ? value[lane] : most;
  return most;
}

// e^x to about 2 units in the last place: 2^n times a polynomial in r = x - n ln 2, |r| <= ln 2 / 2 (Taylor
// with minimax coefficients as in Cephes' expf). Underflows to 0 below -87.3, saturates above 88.3.
inline F32 exp(F32 x) {
  const F32 clamped = min(max(x, splat(-87.33654f)), splat(88.37626f));
  const F32 magic = splat(0x1.8p23f);  // adding it rounds to an integer, kept in the low mantissa bits
  const F32 shifted = fma(clamped, splat(1.44269504f), magic);
  const F32 n = shifted - magic;
  F32 r = fma(n, splat(-0.693359375f), clamped);
  r = fma(n, splat(2.12194440e-4f), r);
  F32 poly = splat(1.9875691500e-4f);
  poly = fma(poly, r, splat(1.3981999507e-3f));
  poly = fma(poly, r, splat(8.3334519073e-3f));
  poly = fma(poly, r, splat(4.1665795894e-2f));
  poly = fma(poly, r, splat(1.6666665459e-1f));
  poly = fma(poly, r, splat(5.0000001201e-1f));
  const F32 value = fma(poly, r * r, r + 1.0f);
  const F32 scaled = as_floats(as_bits(value) + (as_bits(shifted) << 23));
  return x < splat(-87.33654f) ? F32{} : scaled;
}

}  // namespace
}  // namespace quern::cpu::QUERN_ISA
