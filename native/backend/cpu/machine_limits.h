#pragma once
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/matmul_kernel.h"

namespace quern::cpu {

// What `threads` threads reach together on this machine, the median of some runs.
struct MachineLimits {
  double read_bytes_per_second = 0;     // of memory, far beyond every cache
  double multiply_adds_per_second = 0;  // float32; a floating-point operation count is twice that
};

// As many as a product with its own kind of numbers could do with nothing to read, per second.
double measure_multiply_adds(const MatmulKernel& kernel, int threads);

// Takes about a second and 256 MiB.
MachineLimits measure_machine(const Kernels& kernels, int threads);

}  // namespace quern::cpu
