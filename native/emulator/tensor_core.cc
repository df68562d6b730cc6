// The arithmetic of tensor cores for f16 and bf16 with float sums, as it was published for H100 and H200
// (Khattak and Mikaitis, "Accurate Models of NVIDIA Tensor Cores", arXiv:2512.07004).
#include "emulator/tensor_core.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

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

// significand * 2^(exponent - fraction bits)
struct Parts {
  int exponent = kOfZero, significand = 0;
  bool is_finite = true;
};

template <SmallFloat type>
Parts parts_of(uint16_t x) {
  using F = Format<type>;
  const int exponent = (x & 0x7fff) >> F::kFraction, fraction = x & ((1 << F::kFraction) - 1);
  const int significand = exponent ? fraction | 1 << F::kFraction : fraction;
  return {significand ? std::max(exponent, 1) - F::kBias : kOfZero, x & 0x8000 ? -significand : significand,
          exponent != F::kInfinity};
}

// t * 2^exponent, cut off to a float.
float cut_off(int64_t t, int exponent) {
  if (t == 0) return 0;
  const bool is_negative = t < 0;
  auto magnitude = static_cast<uint64_t>(is_negative ? -t : t);
  int highest = 63 - std::countl_zero(magnitude);
  const int least = std::max(highest - 23, -149 - exponent);  // the lowest bit that the float has
  if (least > 0) magnitude = least > 63 ? 0 : magnitude >> least << least;
  const auto result = static_cast<float>(std::ldexp(static_cast<double>(magnitude), exponent));
  return is_negative ? -result : result;
}

template <SmallFloat type>
void with_infinities(int depth, const uint16_t* a, const uint16_t (*b)[8], float& d, int n) {
  double sum = d;
  for (int k = 0; k < depth; ++k) sum += Format<type>::value(a[k]) * Format<type>::value(b[k][n]);
  d = canonical(static_cast<float>(sum));
}

template <SmallFloat type>
void step(int depth, const uint16_t* a, const uint16_t (*b)[8], float* d) {
  constexpr int kShift = kKeptBits - 2 * Format<type>::kFraction;
  int exponents[16][kColumns], products[16][kColumns], largest[kColumns], c_exponent[kColumns], c[kColumns];
  bool is_finite[kColumns];
  for (int n = 0; n < kColumns; ++n) {
    const auto bits = std::bit_cast<uint32_t>(d[n]);
    const int exponent = static_cast<int>(bits >> 23 & 255), fraction = static_cast<int>(bits & 0x7fffff);
    const int significand = exponent ? fraction | 0x800000 : fraction;
    is_finite[n] = exponent != 255;
    c_exponent[n] = significand ? std::max(exponent, 1) - 127 : kOfZero;
    c[n] = bits >> 31 ? -significand : significand;
    largest[n] = std::max(c_exponent[n], kLeastExponent);
  }
  for (int k = 0; k < depth; ++k) {
    const Parts x = parts_of<type>(a[k]);
    for (int n = 0; n < kColumns; ++n) {
      const Parts y = parts_of<type>(b[k][n]);
      is_finite[n] = is_finite[n] && x.is_finite && y.is_finite;
      exponents[k][n] = x.exponent + y.exponent;
      products[k][n] = x.significand * y.significand;
      largest[n] = std::max(largest[n], exponents[k][n]);
    }
  }
  int64_t sums[kColumns] = {};
  for (int k = 0; k < depth; ++k) {
    for (int n = 0; n < kColumns; ++n) {
      const int product = products[k][n], by = std::min(largest[n] - exponents[k][n], 31);
      const auto kept = static_cast<int>((static_cast<uint32_t>(std::abs(product)) << kShift) >> by);
      sums[n] += product < 0 ? -kept : kept;
    }
  }
  for (int n = 0; n < kColumns; ++n) {
    if (!is_finite[n]) {
      with_infinities<type>(depth, a, b, d[n], n);
      continue;
    }
    const int by = std::min(largest[n] - c_exponent[n], 31);
    const auto kept = static_cast<int64_t>((static_cast<uint32_t>(std::abs(c[n])) << (kKeptBits - 23)) >> by);
    d[n] = cut_off(sums[n] + (c[n] < 0 ? -kept : kept), largest[n] - kKeptBits);
  }
}

}  // namespace

void multiply_add(SmallFloat type, int depth, const uint16_t* a, const uint16_t (*b)[8], float* d) {
  if (type == SmallFloat::brain) return step<SmallFloat::brain>(depth, a, b, d);
  step<SmallFloat::half>(depth, a, b, d);
}

}  // namespace quern::emulator
