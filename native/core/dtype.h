#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace quern {

// How one number is stored.
enum class Dtype : uint8_t { f32, f16, bf16 };
constexpr Dtype kDtypes[] = {Dtype::f32, Dtype::f16, Dtype::bf16};

// Storage types: distinct from integers, so that a pointer says what it points to.
enum class F16 : uint16_t {};
enum class Bf16 : uint16_t {};

constexpr size_t size_of(Dtype dtype) {
  return dtype == Dtype::f32 ? 4 : 2;
}

constexpr std::string_view name_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
      return "f32";
    case Dtype::f16:
      return "f16";
    case Dtype::bf16:
      return "bf16";
  }
  return "";
}

// Nothing where no type has that name.
constexpr std::optional<Dtype> dtype_named(std::string_view name) {
  for (const Dtype dtype : kDtypes)
    if (name == name_of(dtype)) return dtype;
  return {};
}

inline float to_f32(Bf16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
}

inline float to_f32(F16 value) {
  const auto half = static_cast<uint32_t>(value);
  const uint32_t sign = (half & 0x8000u) << 16, magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  // Move exponent and mantissa into place, then let a multiplication by 2^112 re-bias the exponent: exact,
  // and right for subnormals too.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(scaled));
}

// To the nearest value, ties to even; NaN stays NaN.
inline Bf16 to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<Bf16>(bits >> 16 | 0x40u);
  return static_cast<Bf16>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

// To the nearest value, ties to even; overflow gives infinity; NaN stays NaN.
inline F16 to_f16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000u;
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<F16>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<F16>(sign | 0x7c00u);
  if (magnitude <
      0x38800000u) {  // below the smallest normal half: adding 0.5 leaves the mantissa in units of 2^-24
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<F16>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  magnitude += 0xc8000fffu + (magnitude >> 13 & 1u);
  return static_cast<F16>(sign | magnitude >> 13);
}

}  // namespace quern
