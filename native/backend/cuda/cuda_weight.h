#pragma once
#include <memory>

#include "backend/backend.h"
#include "backend/cuda/cuda_memory.h"
#include "backend/cuda/kernels/matrix.h"

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

// What weights go up through: two pieces of memory that the GPU copies from, one of which is filled with the
// next rows while the other is on its way.
class Uploader {
 public:
  Uploader(std::shared_ptr<const Context> context, int threads);
  ~Uploader();

  // Returns once the weight is there. Throws what view.read throws, and Error unsupported_format.
  std::unique_ptr<Weight> upload(const WeightView& view);

 private:
  struct Piece {
    PinnedBuffer memory;
    cudaEvent_t copied = nullptr;
  };
  void copy(void* to, const void* from, size_t bytes) const;
  void upload_matrix(const WeightView& view, CudaWeight& weight);
  // The next piece, once the GPU has read what was in it.
  Piece& next_piece();

  const std::shared_ptr<const Context> context_;
  const int threads_;
  cudaStream_t stream_ = nullptr;
  Piece pieces_[2];
  int next_ = 0;
};

}  // namespace quern::cuda
