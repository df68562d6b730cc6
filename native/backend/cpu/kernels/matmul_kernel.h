// A matrix product is a format's, an instruction set's, and what it takes activations as: one file and one
// row each, listed in cpu/matmul_kernels.cc. Which one a weight has is decided when it is loaded, once for
// every number of tokens. Whatever rows and tokens a call is asked for, each output has the same bits.
#pragma once
#include <cstdint>

namespace quern::cpu {

// What a product takes its activations as: rows of f32, or of ActivationBlock.
enum class Activations : uint8_t { f32, int8 };

// out[t, r] = sum_k x[t, k] w[first_row + r, k]  (+ out[t, r] when accumulating)
struct MatmulParams {
  const void* x = nullptr;  // [tokens, k] of the kernel's activations
  int64_t x_stride = 0;     // bytes between rows
  const void* w = nullptr;  // the whole matrix [.., k], in panels
  int64_t k = 0;
  int tokens = 0;
  int64_t first_row = 0;
  int rows = 0;
  float* out = nullptr;  // [tokens, rows] f32, rows out_stride apart
  int64_t out_stride = 0;
  bool accumulate = false;
};

// Puts rows of the weight's format, dense at `from`, into zeroed panels as rows first_row, first_row + 1, ...
struct PackParams {
  const void* from = nullptr;
  int64_t first_row = 0, rows = 0, k = 0;
  void* panels = nullptr;
};

// The numbers of one row, widened.
struct UnpackParams {
  const void* panels = nullptr;
  int64_t row = 0, k = 0;
  float* out = nullptr;  // [k]
};

// Matrices lie in panels of `panel_rows` rows, whose numbers alternate in pieces of `piece_depth` numbers of
// each row: a product that works on all rows of a panel reads one stream. Rows and columns are padded to
// whole panels with what counts as zero, so that products need no tails of w.
struct MatmulKernel {
  const char* isa;
  const char* format;  // a name in core/format.h
  Activations activations;
  int panel_rows, piece_depth;
  int piece_bytes;  // of all rows of a panel
  void (*pack)(const PackParams&);
  void (*unpack_row)(const UnpackParams&);
  void (*matmul)(const MatmulParams&);
  // Multiply-adds as this product does them, on registers: what it could reach at best. Returns how many.
  int64_t (*multiply_adds)(int64_t rounds, float* result);

  constexpr int64_t panel_bytes(int64_t k) const { return (k + piece_depth - 1) / piece_depth * piece_bytes; }
  constexpr int64_t bytes(int64_t rows, int64_t k) const {
    return (rows + panel_rows - 1) / panel_rows * panel_bytes(k);
  }
};

}  // namespace quern::cpu
