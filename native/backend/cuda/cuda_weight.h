#pragma once
#include <memory>

#include "backend/backend.h"
#include "backend/cuda/cuda_handles.h"
#include "backend/cuda/cuda_memory.h"
#include "backend/cuda/kernels/matrix.h"
#include "backend/cuda/pinned_pieces.h"

namespace quern::cuda {

// A matrix in the layout of kernels/matrix.h, or a vector of f32.
class CudaWeight final : public Weight {
 public:
  Matrix matrix;          // its bias is not its own: whoever multiplies says which
  bool is_plain = false;  // products with it are those of precision 'exact'
  DeviceBuffer numbers, scales;

  uint64_t bytes() const override { return numbers.bytes() + scales.bytes(); }
  const float* vector() const { return numbers.as<float>(); }
};

inline const CudaWeight& cuda_weight(const Weight& weight) {
  return static_cast<const CudaWeight&>(weight);
}

// What weights go up through: one piece is filled with the next rows while the other is on its way.
class Uploader {
 public:
  Uploader(std::shared_ptr<const Context> context, int threads);

  // Returns once the weight is there. Throws what view.read throws, and Error unsupported_format.
  std::unique_ptr<Weight> upload(const WeightView& view);

 private:
  void copy(void* to, const void* from, size_t bytes) const;
  void upload_matrix(const WeightView& view, CudaWeight& weight);

  const std::shared_ptr<const Context> context_;
  const int threads_;
  PinnedPieces pieces_;
  const OwnedStream stream_;  // the last, so that no piece goes before it was copied
};

}  // namespace quern::cuda
