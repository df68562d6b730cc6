// Rows of f32 to rows of ActivationBlock: scale = largest magnitude / 127, numbers = x / scale to the nearest
// whole number, ties to even. Reads 4 bytes and writes 1.25 a number, both in cache: bound by arithmetic,
// about eight operations a vector. A number that is none makes its block's scale none, and so everything that
// is computed from it. The same bytes on every instruction set: nothing is added up but whole numbers.
#include "backend/cpu/kernels/activation_block.h"
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {

namespace {

constexpr float kSteps = 127;
constexpr float kMagic = 0x1.8p23f;  // adding it rounds to a whole number, which stays in the low bits

void quantize_block(const float* x, ActivationBlock& block) {
  I32 most = {};  // of magnitudes, as bits: these are in order, infinity and what is no number above all
  for (int i = 0; i < kBlockColumns; i += kLanes) {
    const I32 magnitude = reinterpret_cast<I32>(as_bits(load(x + i)) & 0x7fffffffu);
    most = magnitude > most ? magnitude : most;
  }
  int32_t largest_bits = 0;
  for (int lane = 0; lane < kLanes; ++lane)
    largest_bits = most[lane] > largest_bits ? most[lane] : largest_bits;
  float largest = 0;
  __builtin_memcpy(&largest, &largest_bits, sizeof largest);
  block.scale = largest / kSteps;
  const float steps = block.scale > 0 ? kSteps / largest : 0;
  const bool finite = steps > 0 && steps <= 3e38f;
  I32 total = {};
  for (int i = 0; i < kBlockColumns; i += kLanes) {
    const F32 scaled = finite ? load(x + i) * splat(steps) : F32{};
    const I32 whole = reinterpret_cast<I32>(as_bits(scaled + splat(kMagic))) - 0x4b400000;
    total += whole;
    for (int lane = 0; lane < kLanes; ++lane) block.numbers[i + lane] = static_cast<int8_t>(whole[lane]);
  }
  block.sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) block.sum += total[lane];
}

}  // namespace

void quantize(const QuantizeParams& p) {
  for (int row = 0; row < p.rows; ++row) {
    const float* x = p.x + row * p.x_stride;
    auto* block =
        reinterpret_cast<ActivationBlock*>(static_cast<char*>(p.out) + row * activation_row_bytes(p.k));
    const auto* const end = block + activation_blocks(p.k);
    int64_t left = p.k;
    for (; left >= kBlockColumns; left -= kBlockColumns, x += kBlockColumns) quantize_block(x, *block++);
    for (; block != end; left = 0) {
      float padded[kBlockColumns] = {};
      for (int64_t i = 0; i < left; ++i) padded[i] = x[i];
      quantize_block(padded, *block++);
    }
  }
}

}  // namespace quern::cpu::QUERN_ISA
