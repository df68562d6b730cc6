#include "backend/cuda/pack_rows.h"

#include <cstring>

namespace quern::cuda {

namespace {

constexpr int kScaleBytes = 2;  // an f16, before the integers of a block
constexpr int kInt8Block = kScaleBytes + 32, kInt4Block = kScaleBytes + 16;

// 32 bytes of a step to their lanes: eight for each t.
void put_int8(const std::byte* from, std::byte* row, int64_t step) {
  std::byte* const tile = row + step / 2 * 64 + step % 2 * 8;
  for (int t = 0; t < 4; ++t) std::memcpy(tile + t * 16, from + t * 8, 8);
}

// Q4_0 has number i in the low nibble of byte i and number 16 + i in the high one.
int nibble(const std::byte* from, int number) {
  const auto byte = std::to_integer<int>(from[number % 16]);
  return number < 16 ? byte & 15 : byte >> 4;
}

void put_int4(const std::byte* from, std::byte* row, int64_t step) {
  std::byte* const tile = row + step / 4 * 64 + step % 4 * 4;
  for (int t = 0; t < 4; ++t) {
    uint32_t word = 0;
    for (int j = 0; j < 4; ++j) {
      word |= static_cast<uint32_t>(nibble(from, 8 * t + 2 * j)) << 4 * j;
      word |= static_cast<uint32_t>(nibble(from, 8 * t + 2 * j + 1)) << 4 * (4 + j);
    }
    std::memcpy(tile + t * 16, &word, sizeof word);
  }
}

}  // namespace

std::optional<Encoding> encoding_of(const Format& format) {
  if (&format == &format_of(Dtype::f32)) return Encoding::f32;
  if (&format == &format_of(Dtype::f16)) return Encoding::f16;
  if (&format == &format_of(Dtype::bf16)) return Encoding::bf16;
  if (format.name == "Q8_0") return Encoding::int8;
  if (format.name == "Q4_0") return Encoding::int4;
  return {};
}

void pack_rows(Encoding encoding, const std::byte* stored, int64_t rows, int64_t cols, std::byte* numbers,
               uint16_t* scales) {
  const int64_t stride = stride_of(encoding, cols), steps = stride / kStepNumbers;
  const int64_t bytes = row_bytes(encoding, stride);
  std::memset(numbers, 0, static_cast<size_t>(rows * bytes));
  if (encoding != Encoding::int8 && encoding != Encoding::int4) {
    const int64_t stored_bytes = row_bytes(encoding, cols);
    for (int64_t row = 0; row < rows; ++row)
      std::memcpy(numbers + row * bytes, stored + row * stored_bytes, static_cast<size_t>(stored_bytes));
    return;
  }
  const bool is_int8 = encoding == Encoding::int8;
  const int64_t blocks = (cols + kStepNumbers - 1) / kStepNumbers,
                block_bytes = is_int8 ? kInt8Block : kInt4Block;
  std::memset(scales, 0, static_cast<size_t>(rows * steps) * sizeof *scales);
  for (int64_t row = 0; row < rows; ++row) {
    std::byte* const into = numbers + row * bytes;
    for (int64_t block = 0; block < blocks; ++block) {
      const std::byte* const from = stored + (row * blocks + block) * block_bytes;
      std::memcpy(scales + row * steps + block, from, kScaleBytes);
      is_int8 ? put_int8(from + kScaleBytes, into, block) : put_int4(from + kScaleBytes, into, block);
    }
  }
}

}  // namespace quern::cuda
