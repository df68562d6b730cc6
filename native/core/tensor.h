#pragma once
#include <cstdint>

#include "core/dtype.h"

namespace quern {

// A view of a matrix [rows, cols], row-major and dense. Owns nothing: Buffer does.
struct Tensor {
  void* data = nullptr;
  Dtype dtype = Dtype::f32;
  int64_t rows = 0;
  int64_t cols = 0;

  template <typename T>
  T* as() const {
    return static_cast<T*>(data);
  }
  // The same columns, fewer rows.
  Tensor first_rows(int64_t count) const { return {data, dtype, count, cols}; }
  // A smaller matrix in the same memory.
  Tensor reshaped(int64_t new_rows, int64_t new_cols) const { return {data, dtype, new_rows, new_cols}; }
};

}  // namespace quern
