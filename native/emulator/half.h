// Numbers of 16 bits and back.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

namespace quern::emulator {

constexpr uint32_t kNan = 0x7fffffff;  // what arithmetic gives, of every NaN
constexpr uint16_t kHalfNan = 0x7fff;  // the same of f16 and bf16

inline float canonical(float x) {
  return x == x ? x : std::bit_cast<float>(kNan);
}

inline float of_brain(uint16_t x) {
  return std::bit_cast<float>(static_cast<uint32_t>(x) << 16);
}

inline uint16_t to_brain(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  if (x != x) return kHalfNan;
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float of_half(uint16_t x) {
  const uint32_t sign = static_cast<uint32_t>(x & 0x8000) << 16, rest = x & 0x7fff;
  if (rest >= 0x7c00) return std::bit_cast<float>(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  // Shifted into place the exponent is 112 too small; a product of powers of two mends subnormal ones too.
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(std::bit_cast<float>(rest << 13) * 0x1p112f));
}

inline uint16_t to_half(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return kHalfNan;
  if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // 65520 and more
  if (magnitude < 0x38800000) {  // below 2^-14: the sum with 0.5 rounds at 2^-24
    const float sum = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(sum) - 0x3f000000));
  }
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13));
}

// A double as a float that rounds on to fewer bits as the double would: the last bit is set where bits are
// lost.
inline float to_odd_float(double x) {
  const auto nearest = static_cast<float>(x);
  if (static_cast<double>(nearest) == x || nearest != nearest) return nearest;
  auto bits = std::bit_cast<uint32_t>(nearest);
  if (std::abs(static_cast<double>(nearest)) > std::abs(x)) --bits;  // towards zero
  return std::bit_cast<float>(bits | 1);
}

// a + b as a double, its last bit set where bits are lost.
inline double odd_sum(double a, double b) {
  const double sum = a + b;
  if (!std::isfinite(sum)) return sum;
  const double part = sum - a, lost = (a - (sum - part)) + (b - part);
  if (lost == 0) return sum;
  auto bits = std::bit_cast<uint64_t>(sum);
  if ((lost < 0) == (sum > 0)) --bits;
  return std::bit_cast<double>(bits | 1);
}

}  // namespace quern::emulator
