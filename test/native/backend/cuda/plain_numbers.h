// What operations of precision 'exact' give, in float64.
#pragma once
#include <cmath>
#include <vector>

#include "backend/cuda/encoded_matrix.h"
#include "numbers.h"

namespace quern::test {

// A sum of products and what a float32 may be off by: a chain for each of 32 lanes, and a tree.
struct Sum {
  double value = 0, magnitudes = 0;
  void add(double product) {
    value += product;
    magnitudes += std::abs(product);
  }
  double tolerance(int terms) const { return (terms / 32 + 20) * kUnit * magnitudes + 1e-30; }
};

inline Sum product(const EncodedMatrix& w, int n, const double* in) {
  Sum sum;
  for (int k = 0; k < w.matrix().cols; ++k) sum.add(in[k] * w.at(n, k));
  sum.add(w.bias(n));
  return sum;
}

inline std::vector<double> normed(const float* x, const std::vector<float>& weight, float eps) {
  double squares = 0;
  for (size_t i = 0; i < weight.size(); ++i) squares += double{x[i]} * double{x[i]};
  const double scale = 1 / std::sqrt(squares / static_cast<double>(weight.size()) + double{eps});
  std::vector<double> out;
  for (size_t i = 0; i < weight.size(); ++i) out.push_back(double{x[i]} * scale * double{weight[i]});
  return out;
}

}  // namespace quern::test
