// Products of many rows, see gemm.cuh.
#pragma once
#include "backend/cuda/kernels/product.h"

namespace quern::cuda {

void launch_gemm(const Product& product, StreamEnd at);

}  // namespace quern::cuda
