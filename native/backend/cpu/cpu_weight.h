#pragma once
#include <memory>

#include "backend/backend.h"
#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu {

// A weight in memory: matrices as they are stored, row-major, 64-byte aligned; vectors widened to f32.
struct CpuWeight final : Weight {
  Buffer memory;
  Dtype dtype = Dtype::f32;
  int64_t rows = 0;
  int64_t cols = 0;

  uint64_t bytes() const override { return static_cast<uint64_t>(rows * cols) * size_of(dtype); }
  const float* vector() const { return memory.as<float>(); }
  const void* row(int64_t index) const {
    return memory.as<char>() + index * cols * static_cast<int64_t>(size_of(dtype));
  }
};

inline const CpuWeight& cpu_weight(const Weight& weight) {
  return static_cast<const CpuWeight&>(weight);
}
inline const CpuWeight* cpu_weight(const Weight* weight) {
  return static_cast<const CpuWeight*>(weight);
}

// Reads the weight with all `threads` threads.
std::unique_ptr<Weight> prepare_cpu_weight(const WeightView& view, const Kernels& kernels, int threads);

}  // namespace quern::cpu
