// out = x / sqrt(mean(x^2) + eps) * weight, row by row. Reads and writes 4 bytes a number: bound by memory,
// and small beside the products that follow. (Zhang and Sennrich 2019, in float32 throughout.)
#include <cmath>

#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {

void rms_norm(const RmsNormParams& p) {
  const int whole = p.cols - p.cols % kLanes, tail = p.cols - whole;
  for (int row = 0; row < p.rows; ++row) {
    const float* x = p.x + row * p.x_stride;
    float* out = p.out + row * p.out_stride;
    F32 squares = {};
    for (int c = 0; c < whole; c += kLanes) squares = fma(load(x + c), load(x + c), squares);
    if (tail > 0) {
      const F32 last = load_partial(x + whole, tail);
      squares = fma(last, last, squares);
    }
    const F32 scale = splat(1.0f / std::sqrt(sum(squares) / static_cast<float>(p.cols) + p.eps));
    for (int c = 0; c < whole; c += kLanes) store(out + c, load(x + c) * scale * load(p.weight + c));
    for (int c = whole; c < p.cols; ++c) out[c] = x[c] * scale[0] * p.weight[c];
  }
}

}  // namespace quern::cpu::QUERN_ISA
