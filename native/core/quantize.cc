#include "core/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/dtype.h"

namespace quern {

namespace {

constexpr int kNumbers = 32, kLanes = 4;

using F32 = float __attribute__((vector_size(4 * kLanes)));

F32 load(const float* from) {
  F32 value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// The whole numbers that are nearest, ties to even, of magnitudes below 2^22.
F32 rounded(F32 value) {
  constexpr float kMagic = 0x1.8p23f;
  return (value + kMagic) - kMagic;
}
F32 clamped(F32 value, float least, float most) {
  const F32 low = F32{} + least, high = F32{} + most;
  value = value < low ? low : value;
  return value > high ? high : value;
}

// The number that is farthest from zero, with its sign; what is no number is farthest of all.
float extreme(const float* numbers) {
  float found = 0;
  for (int i = 0; i < kNumbers; ++i) {
    if (!(std::abs(numbers[i]) <= std::abs(found))) found = numbers[i];
    if (std::isnan(found)) break;
  }
  return found;
}

void put_scale(F16 scale, std::byte* block) {
  std::memcpy(block, &scale, sizeof scale);
}

// What numbers are divided by to make integers: not multiplied with its inverse, which would take halves to
// either side at random. Where the scale is 0, what is rounded to 0.
float step_of(F16 scale) {
  const float value = to_f32(scale);
  return value == 0 ? 1 : value;
}

}  // namespace

void encode_q8_0(const float* numbers, std::byte* block) {
  const F16 scale = to_f16(std::abs(extreme(numbers)) / 127);
  const float step = step_of(scale);
  put_scale(scale, block);
  const bool usable = std::isfinite(to_f32(scale));
  for (int i = 0; i < kNumbers; i += kLanes) {
    const F32 integers = usable ? clamped(rounded(load(numbers + i) / step), -127, 127) : F32{} + 1.0f;
    for (int lane = 0; lane < kLanes; ++lane)
      block[2 + i + lane] = static_cast<std::byte>(static_cast<int8_t>(integers[lane]));
  }
}

void encode_q4_0(const float* numbers, std::byte* block) {
  const F16 scale = to_f16(extreme(numbers) / -8);
  const float step = step_of(scale);
  put_scale(scale, block);
  const bool usable = std::isfinite(to_f32(scale));
  for (int i = 0; i < kNumbers / 2; i += kLanes) {
    const F32 low = usable ? clamped(rounded(load(numbers + i) / step), -8, 7) : F32{} + 1.0f;
    const F32 high = usable ? clamped(rounded(load(numbers + 16 + i) / step), -8, 7) : F32{} + 1.0f;
    for (int lane = 0; lane < kLanes; ++lane) {
      const int bits = (static_cast<int>(low[lane]) + 8) | (static_cast<int>(high[lane]) + 8) << 4;
      block[2 + i + lane] = static_cast<std::byte>(bits);
    }
  }
}

}  // namespace quern
