// Products of few rows, see gemv.cuh.
#pragma once
#include "backend/cuda/kernels/product.h"

namespace quern::cuda {

constexpr int kMostGemvRows = 32;

// Of dynamic shared memory, where rows of x are kept there (and may be normalised on their way); else 0.
int gemv_shared_bytes(const Product& product);
void launch_gemv(const Product& product, StreamHandle stream);

}  // namespace quern::cuda
