// Activations in 8 bits, for products with weights in blocks: 32 numbers of a row, scaled by their largest.
// number = scale * numbers[i], -127 <= numbers[i] <= 127.
#pragma once
#include <cstdint>

namespace quern::cpu {

constexpr int kBlockColumns = 32;

struct ActivationBlock {
  float scale;
  int32_t sum;  // of `numbers`: what a weight's zero point is multiplied with
  int8_t numbers[kBlockColumns];
};

// Blocks of a row: two at a time, as panels have them; behind the last number there are zeros.
constexpr int64_t activation_blocks(int64_t k) {
  return (k + 2 * kBlockColumns - 1) / (2 * kBlockColumns) * 2;
}
constexpr int64_t activation_row_bytes(int64_t k) {
  return activation_blocks(k) * static_cast<int64_t>(sizeof(ActivationBlock));
}

}  // namespace quern::cpu
