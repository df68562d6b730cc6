// A product in float32, for precision 'exact': see plain_product.cu.
#pragma once
#include "backend/cuda/kernels/operations.h"

namespace quern::cuda {

// What becomes of a sum s (with its bias).
enum class Finish : uint8_t {
  store,   // out = s
  add,     // out += s
  swiglu,  // out = silu(out) * s
};

struct PlainProduct {
  Matrix w;
  const float* in = nullptr;  // [rows, w.cols]
  int rows = 0;
  float* out = nullptr;  // [rows] of w.rows numbers, `out_stride` apart
  int out_stride = 0;
  Finish finish = Finish::store;
};
void plain_product(const PlainProduct& op, StreamEnd at);

}  // namespace quern::cuda
