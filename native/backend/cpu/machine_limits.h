#pragma once
#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu {

// What `threads` threads reach together on this machine, the median of some runs.
struct MachineLimits {
  double read_bytes_per_second = 0;     // of memory, far beyond every cache
  double multiply_adds_per_second = 0;  // float32; a floating-point operation count is twice that
};

// Takes about a second and 256 MiB.
MachineLimits measure_machine(const Kernels& kernels, int threads);

}  // namespace quern::cpu
