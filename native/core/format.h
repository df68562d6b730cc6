#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "core/dtype.h"

namespace quern {

// 8-bit floats, as one byte of a tensor holds them.
enum class F8E4m3 : uint8_t {};  // sign, 4 bits of exponent, 3 of mantissa; no infinity, NaN is 0x7f and 0xff
enum class F8E5m2 : uint8_t {};  // the upper byte of an f16

inline float to_f32(F8E4m3 value) {
  const auto byte = static_cast<uint32_t>(value);
  const uint32_t sign = (byte & 0x80u) << 24, magnitude = byte & 0x7fu;
  if (magnitude == 0x7fu) return std::numeric_limits<float>::quiet_NaN();
  // As for f16: into place, then 2^(127 - 7) re-biases the exponent. Exact, subnormals included.
  const float scaled = std::bit_cast<float>(magnitude << 20) * 0x1p120f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(scaled));
}

inline float to_f32(F8E5m2 value) {
  return to_f32(static_cast<F16>(static_cast<uint32_t>(value) << 8));
}

// A number format of weights: `numbers` neighbours of a row lie together in `bytes` bytes. A format that
// stores each number by itself has blocks of one. A row is whole blocks; behind its last number there are
// zeros.
struct Format {
  std::string_view name;  // as GGUF and safetensors spell it
  int numbers;
  int bytes;
  // Reads exactly `bytes` bytes at any alignment, writes exactly `numbers` floats. Any bytes are valid: a
  // scale that is no number gives numbers that are none.
  void (*decode)(const std::byte* block, float* out);
  // The block whose numbers are nearest to these, as far as the format can tell; nullptr for formats that are
  // only read.
  void (*encode)(const float* numbers, std::byte* block);
  // The largest magnitude that `encode` takes; what is beyond becomes infinite.
  float most = std::numeric_limits<float>::max();

  // Bytes of a row of `cols` numbers.
  int64_t row_bytes(int64_t cols) const { return (cols + numbers - 1) / numbers * bytes; }
};

std::span<const Format> formats();

// nullptr where no format has this name.
const Format* find_format(std::string_view name);

// Of a tensor whose numbers are stored one by one.
const Format& format_of(Dtype dtype);

// `cols` numbers of a row.
void decode_row(const Format& format, const std::byte* row, int64_t cols, float* out);
void encode_row(const Format& format, const float* numbers, int64_t cols, std::byte* row);

}  // namespace quern
