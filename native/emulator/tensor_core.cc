// The arithmetic of tensor cores for f16 and bf16 with float sums, as it was published for H100 and H200
// (Khattak and Mikaitis, "Accurate Models of NVIDIA Tensor Cores", arXiv:2512.07004).
#include "emulator/tensor_core.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <tuple>
#include <utility>

#include "emulator/half.h"

namespace quern::emulator {

namespace {

constexpr int kColumns = 8;
constexpr int kLeastExponent = -133;  // that terms are aligned to
constexpr int kOfZero = -4096;        // an exponent below all
constexpr int kKeptBits = 25;         // of fraction

template <SmallFloat type>
struct Format {
  static constexpr int kFraction = type == SmallFloat::brain ? 7 : 10;
  static constexpr int kBias = type == SmallFloat::brain ? 127 : 15;
  static constexpr int kInfinity = type == SmallFloat::brain ? 0xff : 0x1f;
  static double value(uint16_t x) { return type == SmallFloat::brain ? of_brain(x) : of_half(x); }
};

// Of 8 columns, computed side by side.
using Eight = int __attribute__((vector_size(32)));
using EightBits = uint32_t __attribute__((vector_size(32)));

// Numbers as significand * 2^(exponent - fraction bits).
struct Parts {
  Eight exponent, significand;
};

template <SmallFloat type>
std::pair<int, int> split(uint16_t x) {
  using F = Format<type>;
  const int biased = (x & 0x7fff) >> F::kFraction, fraction = x & ((1 << F::kFraction) - 1);
  const int size = biased ? fraction | 1 << F::kFraction : fraction;
  return {size ? std::max(biased, 1) - F::kBias : kOfZero, x & 0x8000 ? -size : size};
}

template <SmallFloat type>
bool is_finite(uint16_t x) {
  return (x & 0x7fff) >> Format<type>::kFraction != Format<type>::kInfinity;
}

Parts parts_of(const float* d) {
  Parts parts;
  for (int n = 0; n < kColumns; ++n) {
    const auto bits = std::bit_cast<uint32_t>(d[n]);
    const int biased = static_cast<int>(bits >> 23 & 255), fraction = static_cast<int>(bits & 0x7fffff);
    const int size = biased ? fraction | 0x800000 : fraction;
    parts.exponent[n] = size ? std::max(biased, 1) - 127 : kOfZero;
    parts.significand[n] = static_cast<int32_t>(bits) < 0 ? -size : size;
  }
  return parts;
}

Eight larger(Eight a, Eight b) {
  return a > b ? a : b;
}

// The bits of |x| << shift that are left beside the largest exponent, with the sign of x.
Eight aligned(Eight x, int shift, Eight largest, Eight exponent) {
  const Eight distance = largest - exponent, most = Eight{} + 31, by = distance < most ? distance : most;
  const Eight sign = x >> 31;
  const EightBits size = reinterpret_cast<EightBits>((x ^ sign) - sign) << shift;
  return (reinterpret_cast<Eight>(size >> reinterpret_cast<EightBits>(by)) ^ sign) - sign;
}

// A sum of floats' range, cut off to a float.
float cut_off(double x) {
  if (std::fabs(x) < 0x1p-126) return static_cast<float>(std::trunc(x * 0x1p149) * 0x1p-149);
  constexpr uint64_t kBeyondFloat = (uint64_t{1} << 29) - 1;  // bits of fraction that a float has not
  return static_cast<float>(std::bit_cast<double>(std::bit_cast<uint64_t>(x) & ~kBeyondFloat));
}

// d[n] += the products of a row.
template <int shift, int depth>
void add_row(const int* a_exponent, const int* a_significand, const Parts* b, float* d) {
  const Parts c = parts_of(d);
  Eight exponents[depth], largest = larger(c.exponent, Eight{} + kLeastExponent);
  for (int k = 0; k < depth; ++k) {
    exponents[k] = a_exponent[k] + b[k].exponent;
    largest = larger(largest, exponents[k]);
  }
  // Eight terms are below 2^30: two sums, and the double that they make is exact.
  Eight sums[2] = {};
  for (int half = 0; half < depth / 8; ++half) {
    Eight sum = {};
    for (int k = 8 * half; k < 8 * half + 8; ++k) {
      sum += aligned(a_significand[k] * b[k].significand, shift, largest, exponents[k]);
    }
    sums[half] = sum;
  }
  const Eight first = aligned(c.significand, kKeptBits - 23, largest, c.exponent);
  for (int n = 0; n < kColumns; ++n) {
    const double sum = static_cast<double>(first[n]) + sums[0][n] + sums[1][n];
    const auto unit = std::bit_cast<double>(static_cast<uint64_t>(largest[n] - kKeptBits + 1023) << 52);
    d[n] = cut_off(sum * unit);
  }
}

template <SmallFloat type, int depth>
void multiply(const uint16_t (&a)[16][16], const uint16_t (&b)[16][8], float (&d)[16][8]) {
  Parts right[depth];
  bool right_is_finite = true;
  for (int k = 0; k < depth; ++k) {
    for (int n = 0; n < kColumns; ++n) {
      const auto [exponent, significand] = split<type>(b[k][n]);
      right[k].exponent[n] = exponent;
      right[k].significand[n] = significand;
      right_is_finite = right_is_finite && is_finite<type>(b[k][n]);
    }
  }
  for (int row = 0; row < 16; ++row) {
    int exponent[depth], significand[depth];
    bool all_finite = right_is_finite;
    for (int k = 0; k < depth; ++k) {
      std::tie(exponent[k], significand[k]) = split<type>(a[row][k]);
      all_finite = all_finite && is_finite<type>(a[row][k]);
    }
    float before[kColumns];
    std::copy(d[row], d[row] + kColumns, before);
    for (const float x : before) all_finite = all_finite && std::isfinite(x);
    add_row<kKeptBits - 2 * Format<type>::kFraction, depth>(exponent, significand, right, d[row]);
    if (all_finite) continue;
    for (int n = 0; n < kColumns; ++n) {  // what is infinite or no number, as IEEE has it
      double sum = before[n];
      bool column_is_finite = std::isfinite(before[n]);
      for (int k = 0; k < depth; ++k) {
        sum += Format<type>::value(a[row][k]) * Format<type>::value(b[k][n]);
        column_is_finite = column_is_finite && is_finite<type>(a[row][k]) && is_finite<type>(b[k][n]);
      }
      if (!column_is_finite) d[row][n] = canonical(static_cast<float>(sum));
    }
  }
}

}  // namespace

void multiply_add(SmallFloat type, int depth, const uint16_t (&a)[16][16], const uint16_t (&b)[16][8],
                  float (&d)[16][8]) {
  constexpr auto kBrain = SmallFloat::brain, kHalf = SmallFloat::half;
  if (type == kBrain) return depth == 16 ? multiply<kBrain, 16>(a, b, d) : multiply<kBrain, 8>(a, b, d);
  depth == 16 ? multiply<kHalf, 16>(a, b, d) : multiply<kHalf, 8>(a, b, d);
}

}  // namespace quern::emulator
