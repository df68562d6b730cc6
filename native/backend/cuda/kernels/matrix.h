// A weight matrix in the device's memory, and the layouts that products read it in.
//
// Products go through k in steps of 32 numbers. A warp's lane l = 4 g + t holds, of row g of eight, the
// numbers 8 t .. 8 t + 7 of a step: operands of two mma.m16n8k16, the first with numbers 8 t + {0, 1, 2, 3}
// of every t, the second with the others. Which sixteen numbers meet in one instruction, and in which order
// the instructions come, is the same for every kernel: so are the bits.
//
// Every row is padded with zeros to `stride` numbers.
//   f32, f16, bf16  row-major. stride: a multiple of 32.
//   int8            signed bytes; 64 numbers of a row are [t 0..3][step 0..1][8 bytes]: a lane reads 16 bytes
//   for
//                   two steps. stride: a multiple of 64.
//   int4            0..15 for -8..7; 128 numbers of a row are [t 0..3][step 0..3][4 bytes]: a lane reads 16
//   bytes
//                   for four steps. Of a step's 4 bytes, nibble j holds number 2 j, nibble 4 + j number 2 j +
//                   1, so that (word >> 4 j) & 0x000f000f is a pair. stride: a multiple of 128.
// int8 and int4 have an f16 scale for every step: scales[row][stride / 32]; number = scale * integer. The
// scale of padding is zero.
#pragma once
#include <cstdint>

#include "backend/cuda/kernels/host_device.h"

namespace quern::cuda {

enum class Encoding : uint8_t { f32, f16, bf16, int8, int4 };

constexpr int kStepNumbers = 32;

struct Matrix {
  const void* numbers = nullptr;
  const uint16_t* scales = nullptr;  // f16
  const float* bias = nullptr;       // [rows]; null: none
  int rows = 0, cols = 0;
  int stride = 0;  // numbers of a row, padding included
  Encoding encoding = Encoding::bf16;

  bool operator==(const Matrix&) const = default;
};

QUERN_HD constexpr int stride_granule(Encoding encoding) {
  return encoding == Encoding::int4 ? 128 : encoding == Encoding::int8 ? 64 : 32;
}
QUERN_HD constexpr int64_t stride_of(Encoding encoding, int64_t cols) {
  const int granule = stride_granule(encoding);
  return (cols + granule - 1) / granule * granule;
}
// Bytes of one row's numbers, scales apart.
QUERN_HD constexpr int64_t row_bytes(Encoding encoding, int64_t stride) {
  switch (encoding) {
    case Encoding::f32:
      return stride * 4;
    case Encoding::f16:
    case Encoding::bf16:
      return stride * 2;
    case Encoding::int8:
      return stride;
    case Encoding::int4:
      return stride / 2;
  }
  return 0;
}

}  // namespace quern::cuda
