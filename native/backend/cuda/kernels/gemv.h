// Products of few rows, see gemv.cuh.
#pragma once
#include "backend/cuda/kernels/product.h"

namespace quern::cuda {

constexpr int kMostGemvRows = 32;

// The segment of a warp. Warps w and w + 4, which share a quarter of a processor, have neighbours, together a
// quarter of k: segments may have 2, 3, 2, 3 ... granules.
QUERN_HD constexpr int segment_of(int warp) {
  return warp % 4 * 2 + warp / 4;
}

// Of dynamic shared memory, where rows of x are kept there (and may be normalised on their way); else 0.
int gemv_shared_bytes(const Product& product);
void launch_gemv(const Product& product, StreamEnd at);

}  // namespace quern::cuda
