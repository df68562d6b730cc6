#pragma once
#include <memory>

#include "backend/backend.h"
#include "backend/cpu/matmul_kernels.h"
#include "core/memory.h"

namespace quern::cpu {

// Of a matrix, or (no kernel) of a vector.
inline uint64_t weight_bytes(const MatmulKernel* kernel, int64_t rows, int64_t cols) {
  return kernel ? static_cast<uint64_t>(kernel->bytes(rows, cols))
                : static_cast<uint64_t>(cols) * sizeof(float);
}

// A weight in memory: matrices as the product that was chosen for them wants them, vectors widened to f32.
struct CpuWeight final : Weight {
  Buffer memory;
  const MatmulKernel* kernel = nullptr;  // of a matrix
  int64_t rows = 0;
  int64_t cols = 0;

  uint64_t bytes() const override { return weight_bytes(kernel, rows, cols); }
  const float* vector() const { return memory.as<float>(); }
  const void* panels() const { return memory.as<void>(); }
  // Bytes that one row of a matrix takes.
  int64_t row_bytes() const { return kernel->panel_bytes(cols) / kernel->panel_rows; }
  // Widens one row of a matrix to `out` [cols].
  void read_row(int64_t row, float* out) const { kernel->unpack_row({panels(), row, cols, out}); }
};

inline const CpuWeight& cpu_weight(const Weight& weight) {
  return static_cast<const CpuWeight&>(weight);
}
inline const CpuWeight* cpu_weight(const Weight* weight) {
  return static_cast<const CpuWeight*>(weight);
}

// Reads the weight with all `threads` threads.
std::unique_ptr<Weight> prepare_cpu_weight(const WeightView& view, const Isa& isa, int threads);

}  // namespace quern::cpu
