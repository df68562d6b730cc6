#include "core/dtype.h"

#include <bit>
#include <cmath>
#include <limits>

#include "check.h"
#include "golden.h"
#include "numbers.h"

namespace quern::test {
namespace {

// What the bits of a small float mean, by the definition of IEEE 754.
double meaning(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const int exponent = static_cast<int>(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
  const double sign = bits >> (exponent_bits + mantissa_bits) != 0 ? -1 : 1;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  if (exponent == (1 << exponent_bits) - 1)
    return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(mantissa | 1u << mantissa_bits, exponent - bias - mantissa_bits);
}

bool same_number(float a, double b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

TEST(all_f16_values) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = to_f32(static_cast<F16>(bits));
    CHECK_FOR(same_number(value, meaning(bits, 5, 10)), std::to_string(bits));
    if (std::isnan(value)) {
      CHECK_FOR(std::isnan(to_f32(to_f16(value))), std::to_string(bits));
    } else {
      CHECK_FOR(static_cast<uint32_t>(to_f16(value)) == bits, std::to_string(bits));
    }
  }
}

TEST(all_bf16_values) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = to_f32(static_cast<Bf16>(bits));
    CHECK_FOR(same_number(value, meaning(bits, 8, 7)), std::to_string(bits));
    if (std::isnan(value)) {
      CHECK_FOR(std::isnan(to_f32(to_bf16(value))), std::to_string(bits));
    } else {
      CHECK_FOR(static_cast<uint32_t>(to_bf16(value)) == bits, std::to_string(bits));
    }
  }
}

// Between two neighbours of the small type lies one midpoint: it goes to the even one, and the floats beside
// it to the nearer one.
template <typename Small, typename ToSmall>
void check_midpoints(uint32_t infinity, ToSmall to_small) {
  for (uint32_t bits = 0; bits + 1 < infinity; ++bits) {
    const float low = to_f32(static_cast<Small>(bits)), high = to_f32(static_cast<Small>(bits + 1));
    const auto middle = static_cast<float>((double{low} + double{high}) / 2);
    const uint32_t even = bits + (bits & 1);
    for (const float sign : {1.0f, -1.0f}) {
      const uint32_t sign_bit = sign < 0 ? 0x8000u : 0;
      const auto rounded = [&](float value) {
        return static_cast<uint32_t>(to_small(sign * value)) - sign_bit;
      };
      CHECK_FOR(rounded(middle) == even, std::to_string(bits));
      CHECK_FOR(rounded(std::nextafter(middle, low)) == bits, std::to_string(bits));
      CHECK_FOR(rounded(std::nextafter(middle, high)) == bits + 1, std::to_string(bits));
    }
  }
}

TEST(f16_rounds_to_nearest_even) {
  check_midpoints<F16>(0x7c00, to_f16);
}

TEST(bf16_rounds_to_nearest_even) {
  check_midpoints<Bf16>(0x7f80, to_bf16);
}

TEST(overflow_and_special_values) {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK_EQ(static_cast<uint32_t>(to_f16(65504.0f)), 0x7bffu);
  CHECK_EQ(static_cast<uint32_t>(to_f16(65519.996f)), 0x7bffu);
  CHECK_EQ(static_cast<uint32_t>(to_f16(65520.0f)), 0x7c00u);  // the midpoint to 65536, which is even
  CHECK_EQ(static_cast<uint32_t>(to_f16(-1e38f)), 0xfc00u);
  CHECK_EQ(static_cast<uint32_t>(to_f16(infinity)), 0x7c00u);
  CHECK_EQ(static_cast<uint32_t>(to_f16(-0.0f)), 0x8000u);
  CHECK_EQ(static_cast<uint32_t>(to_f16(0x1p-25f)), 0u);  // half of the least subnormal: to even
  CHECK_EQ(static_cast<uint32_t>(to_f16(std::nextafter(0x1p-25f, 1.0f))), 1u);
  CHECK_EQ(static_cast<uint32_t>(to_bf16(std::numeric_limits<float>::max())), 0x7f80u);
  CHECK_EQ(static_cast<uint32_t>(to_bf16(-infinity)), 0xff80u);
  CHECK_EQ(static_cast<uint32_t>(to_bf16(-0.0f)), 0x8000u);
  for (const uint32_t bits : {0x7f800001u, 0xff800001u, 0x7fc00000u, 0x7fffffffu, 0x7f80ffffu, 0x7f810000u}) {
    const auto nan = std::bit_cast<float>(bits);
    CHECK(std::isnan(to_f32(to_f16(nan))));
    CHECK(std::isnan(to_f32(to_bf16(nan))));
  }
}

TEST(golden_rounding) {
  const auto vectors = Golden::open("models/unit-vectors/vectors.safetensors");
  if (!vectors) return;
  const auto in = vectors->read<float>("round.in");
  const auto bf16 = vectors->read<uint16_t>("round.bf16"), f16 = vectors->read<uint16_t>("round.f16");
  CHECK(in.size() > 2000 && bf16.size() == in.size() && f16.size() == in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    const float got_bf16 = to_f32(to_bf16(in[i])), want_bf16 = to_f32(static_cast<Bf16>(bf16[i]));
    const float got_f16 = to_f32(to_f16(in[i])), want_f16 = to_f32(static_cast<F16>(f16[i]));
    CHECK_FOR(same_number(got_bf16, want_bf16), std::to_string(i));
    CHECK_FOR(same_number(got_f16, want_f16), std::to_string(i));
  }
}

}  // namespace
}  // namespace quern::test
