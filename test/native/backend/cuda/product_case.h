// Runs an operation of products on made-up numbers, and says in float64 what it should give.
#pragma once
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "backend/cuda/device_array.h"
#include "backend/cuda/encoded_matrix.h"
#include "backend/cuda/kernels/operations.h"
#include "core/dtype.h"
#include "numbers.h"

namespace quern::test {

inline double rounded(double value) {
  return to_f32(to_bf16(static_cast<float>(value)));
}

// Scratch of a stream.
class Scratch {
 public:
  Scratch(int rows, int hidden, int products, int multiprocessors = 3)
      : normed_(size_t(rows) * size_t(hidden)), products_(size_t(rows) * size_t(products)), tickets_(512) {
    tickets_.clear();
    normed_.clear(0xff);
    products_.clear(0xff);
    workspace_.normed = normed_.data();
    workspace_.products = products_.data();
    workspace_.tickets = tickets_.data();
    workspace_.most_tickets = 512;
    workspace_.multiprocessors = multiprocessors;
  }
  const cuda::Workspace& workspace() const { return workspace_; }
  bool tickets_are_zero() const {
    for (const int32_t ticket : tickets_.read())
      if (ticket != 0) return false;
    return true;
  }

 private:
  DeviceArray<float> normed_, products_;
  DeviceArray<int32_t> tickets_;
  cuda::Workspace workspace_;
};

inline std::vector<uint16_t> bf16_of(const std::vector<float>& values) {
  std::vector<uint16_t> out;
  for (const float value : values) out.push_back(static_cast<uint16_t>(to_bf16(value)));
  return out;
}
inline double from_bf16(uint16_t bits) {
  return to_f32(static_cast<Bf16>(bits));
}

// norm(x) in float64, rounded to bf16 as products take it. Where that is a close call a kernel may round the
// other way, so what is compared with this has a tolerance of a few of its terms.
inline std::vector<double> normed_of(const float* x, const std::vector<float>& weight, float eps) {
  double squares = 0;
  for (size_t i = 0; i < weight.size(); ++i) squares += double{x[i]} * double{x[i]};
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(weight.size()) + double{eps});
  std::vector<double> out;
  for (size_t i = 0; i < weight.size(); ++i)
    out.push_back(rounded(double{x[i]} * inverse * double{weight[i]}));
  return out;
}

struct Wanted {
  double value = 0, magnitudes = 0;
  // Sums are in float32; a weight of f32 or f16, and a number that is normalised, are rounded to bf16 first.
  double tolerance() const { return 0x1p-20 * magnitudes + 1e-6; }
};
// `w` as tensor cores take it.
inline Wanted wanted(const EncodedMatrix& w, int row, const double* in) {
  Wanted sum;
  const bool in_blocks = w.matrix().scales != nullptr;
  for (int k = 0; k < w.matrix().cols; ++k) {
    const double product = in[k] * (in_blocks ? w.at(row, k) : rounded(w.at(row, k)));
    sum.value += product;
    sum.magnitudes += std::abs(product);
  }
  sum.value += w.bias(row);
  return sum;
}

}  // namespace quern::test
