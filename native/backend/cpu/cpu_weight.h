#pragma once
#include <memory>

#include "backend/backend.h"
#include "backend/cpu/panels.h"
#include "core/memory.h"

namespace quern::cpu {

// A weight in memory: matrices in panels (panels.h), vectors widened to f32.
struct CpuWeight final : Weight {
  Buffer memory;
  Dtype dtype = Dtype::f32;
  int64_t rows = 0;
  int64_t cols = 0;

  bool is_vector() const { return rows == 1; }
  uint64_t bytes() const override {
    return static_cast<uint64_t>(is_vector() ? cols : panel_numbers(rows, cols)) * size_of(dtype);
  }
  const float* vector() const { return memory.as<float>(); }
  const void* panels() const { return memory.as<void>(); }
  // Widens one row of a matrix to `out` [cols].
  void read_row(int64_t row, const Kernels& kernels, float* out) const;
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
