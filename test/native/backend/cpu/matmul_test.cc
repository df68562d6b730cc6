#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/cpu/matmul_kernels.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

using cpu::Kernels;
using cpu::MatmulKernel;
using cpu::MatmulParams;

struct Shape {
  int tokens, rows;
  int64_t k;
};

std::string name_of_case(const Kernels& kernels, Dtype dtype, const Shape& shape) {
  return std::string(kernels.name) + " " + std::string(name_of(dtype)) + " tokens " +
         std::to_string(shape.tokens) + " rows " + std::to_string(shape.rows) + " k " +
         std::to_string(shape.k);
}

const MatmulKernel& product(const Kernels& kernels, Dtype dtype) {
  return cpu::choose_matmul(cpu::choose_isa(kernels.name), format_of(dtype), true);
}

// The same numbers as the kernel wants them.
std::vector<std::byte> in_panels(const MatmulKernel& kernel, const Stored& w, const Shape& shape) {
  std::vector<std::byte> panels(static_cast<size_t>(kernel.bytes(shape.rows, shape.k)));
  kernel.pack({w.data(), 0, shape.rows, shape.k, panels.data()});
  return panels;
}

struct Reference {
  double sum = 0, squares = 0;  // of the products
};

Reference dot(const float* x, const Stored& w, int64_t row, int64_t k) {
  Reference result;
  for (int64_t i = 0; i < k; ++i) {
    const double product = double{x[i]} * double{w[static_cast<size_t>(row * k + i)]};
    result.sum += product;
    result.squares += product * product;
  }
  return result;
}

// Each lane adds n = k / lanes products of root mean square s, of random sign. Its i-th partial sum is about
// s sqrt(i), and adding rounds off at most u of that: over the lanes the errors add up to a standard
// deviation of at most u s sqrt(lanes n^2 / 2) = u s k / sqrt(2 lanes). Rounded products (no fused
// multiply-add) and the tree over lanes add about u s sqrt(k) each. Eight deviations, and one rounding of the
// result: still 100 times less than one lost product, s.
double tolerance(const Reference& want, int64_t k, int lanes) {
  const double s = std::sqrt(want.squares / static_cast<double>(k)), n = static_cast<double>(k);
  return 8 * kUnit * s * (n / std::sqrt(2.0 * lanes) + 3 * std::sqrt(n)) + kUnit * std::abs(want.sum);
}

// x and out lie in wider rows, with a canary in the gaps.
void check_shape(const Shape& shape, Dtype dtype) {
  constexpr float kCanary = 12345;
  Random random(static_cast<uint64_t>(shape.tokens * 1000003 + shape.rows * 1009) +
                static_cast<uint64_t>(shape.k));
  const int64_t x_stride = shape.k + 3, out_stride = shape.rows + 2;
  auto x = random.reals(static_cast<size_t>(shape.tokens * x_stride), 1);
  const Stored w(dtype, random.reals(static_cast<size_t>(shape.rows * shape.k), 1));
  const auto before = random.reals(static_cast<size_t>(shape.tokens * out_stride), 1);
  for (int t = 0; t < shape.tokens; ++t)  // whatever lies behind a row must not matter
    std::fill_n(x.begin() + t * x_stride + shape.k, 3, std::numeric_limits<float>::quiet_NaN());
  std::vector<Reference> want;
  for (int t = 0; t < shape.tokens; ++t)
    for (int r = 0; r < shape.rows; ++r)
      want.push_back(dot(&x[static_cast<size_t>(t * x_stride)], w, r, shape.k));
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    const std::string context = name_of_case(*kernels, dtype, shape);
    const MatmulKernel& kernel = product(*kernels, dtype);
    const auto panels = in_panels(kernel, w, shape);
    for (const bool accumulate : {false, true}) {
      auto out = before;
      for (int t = 0; t < shape.tokens; ++t)
        std::fill_n(out.begin() + t * out_stride + shape.rows, 2, kCanary);
      kernel.matmul({x.data(), 4 * x_stride, panels.data(), shape.k, shape.tokens, 0, shape.rows, out.data(),
                     out_stride, accumulate});
      for (int t = 0; t < shape.tokens; ++t) {
        for (int r = 0; r < shape.rows; ++r) {
          const auto at = static_cast<size_t>(t * out_stride + r);
          const Reference& dot_product = want[static_cast<size_t>(t * shape.rows + r)];
          const double wanted = dot_product.sum + (accumulate ? double{before[at]} : 0);
          const double most = tolerance(dot_product, shape.k, kernels->lanes) + kUnit * std::abs(wanted);
          CHECK_FOR(std::abs(double{out[at]} - wanted) <= most, context);
        }
        for (int gap = 0; gap < 2; ++gap)
          CHECK_FOR(out[static_cast<size_t>(t * out_stride + shape.rows + gap)] == kCanary, context);
      }
    }
  }
}

TEST(tails_of_every_kind) {
  for (const Dtype dtype : kDtypes) {
    for (const int64_t k : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100})
      for (int tokens = 1; tokens <= 7; ++tokens)
        for (const int rows : {1, 2, 3, 4, 5, 7, 8}) check_shape({tokens, rows, k}, dtype);
    check_shape({13, 37, 257}, dtype);
    check_shape({100, 6, 1000}, dtype);  // more tokens than a block in the cache holds
  }
}

// Splits of rows and tokens must give the same bytes as one call.
void check_splits(const Kernels& kernels, const Shape& shape, Dtype dtype, const std::vector<float>& x,
                  const void* panels, const std::vector<float>& whole) {
  Random random(99);
  std::vector<float> pieces(whole.size(), 0);
  for (int t = 0; t < shape.tokens;) {
    const int tokens = std::min(shape.tokens - t, random.between(1, 8));
    for (int r = 0; r < shape.rows;) {
      const int rows = std::min(shape.rows - r, random.between(1, 1 + shape.rows / 3));
      product(kernels, dtype)
          .matmul({x.data() + t * shape.k, 4 * shape.k, panels, shape.k, tokens, r, rows,
                   pieces.data() + t * shape.rows + r, shape.rows, false});
      r += rows;
    }
    t += tokens;
  }
  CHECK_FOR(same_bytes(whole, pieces), name_of_case(kernels, dtype, shape));
}

TEST(any_split_gives_the_same_bits) {
  for (const Dtype dtype : kDtypes) {
    for (const Shape& shape :
         {Shape{23, 45, 333}, Shape{7, 18, 64}, Shape{150, 9, 2048}, Shape{1, 70, 1000}}) {
      Random random(7);
      const auto x = random.reals(static_cast<size_t>(shape.tokens * shape.k), 1);
      const Stored w(dtype, random.reals(static_cast<size_t>(shape.rows * shape.k), 1));
      for (const Kernels* kernels : cpu::runnable_kernels()) {
        const MatmulKernel& kernel = product(*kernels, dtype);
        const auto panels = in_panels(kernel, w, shape);
        std::vector<float> whole(static_cast<size_t>(shape.tokens * shape.rows));
        kernel.matmul({x.data(), 4 * shape.k, panels.data(), shape.k, shape.tokens, 0, shape.rows,
                       whole.data(), shape.rows, false});
        for (int repeat = 0; repeat < 3; ++repeat)
          check_splits(*kernels, shape, dtype, x, panels.data(), whole);
      }
    }
  }
}

// The twin is AVX-512's logic on 256-bit halves: same lanes, same order, same bits.
TEST(avx512_equals_its_twin) {
  const Kernels *twin = nullptr, *wide = nullptr;
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    if (std::string_view(kernels->name) == "avx512_twin") twin = kernels;
    if (std::string_view(kernels->name) == "avx512") wide = kernels;
  }
  if (twin == nullptr || wide == nullptr) return;
  const Shape shape{11, 21, 777};
  Random random(3);
  const auto x = random.reals(static_cast<size_t>(shape.tokens * shape.k), 1);
  for (const Dtype dtype : kDtypes) {
    const Stored w(dtype, random.reals(static_cast<size_t>(shape.rows * shape.k), 1));
    const auto panels = in_panels(product(*twin, dtype), w, shape);
    std::vector<float> a(static_cast<size_t>(shape.tokens * shape.rows)), b(a);
    MatmulParams p{x.data(), 4 * shape.k, panels.data(), shape.k,    shape.tokens,
                   0,        shape.rows,  a.data(),      shape.rows, false};
    product(*twin, dtype).matmul(p);
    p.out = b.data();
    product(*wide, dtype).matmul(p);
    CHECK_FOR(same_bytes(a, b), std::string(name_of(dtype)));
  }
}

// Real sizes: the reference of some rows, and for the rest the bits of a split.
void check_real_shape(const Shape& shape, Dtype dtype) {
  Random random(static_cast<uint64_t>(shape.k));
  const auto x = random.reals(static_cast<size_t>(shape.tokens * shape.k), 1);
  // Prime, so that rows differ although the numbers repeat.
  const Stored period(dtype, random.reals(1000003, 1));
  const auto count = static_cast<size_t>(shape.rows * shape.k);
  Stored w(dtype, count);
  for (size_t at = 0; at < count; at += period.size())
    std::memcpy(w.at(at), period.data(), std::min(period.size(), count - at) * size_of(dtype));
  std::vector<int> rows{0, 1, shape.rows / 2, shape.rows - 4, shape.rows - 3, shape.rows - 2, shape.rows - 1};
  for (int row = 5; row < shape.rows; row += shape.rows / 100) rows.push_back(row);
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    const std::string context = name_of_case(*kernels, dtype, shape);
    const MatmulKernel& kernel = product(*kernels, dtype);
    const auto panels = in_panels(kernel, w, shape);
    std::vector<float> out(static_cast<size_t>(shape.tokens) * static_cast<size_t>(shape.rows));
    kernel.matmul({x.data(), 4 * shape.k, panels.data(), shape.k, shape.tokens, 0, shape.rows, out.data(),
                   shape.rows, false});
    for (int t = 0; t < shape.tokens; ++t) {
      for (const int row : rows) {
        const Reference want = dot(&x[static_cast<size_t>(t * shape.k)], w, row, shape.k);
        const double got =
            out[static_cast<size_t>(t) * static_cast<size_t>(shape.rows) + static_cast<size_t>(row)];
        CHECK_FOR(std::abs(got - want.sum) <= tolerance(want, shape.k, kernels->lanes), context);
      }
    }
    check_splits(*kernels, shape, dtype, x, panels.data(), out);
  }
}

TEST(ffn_of_a_4b_model) {
  for (const Dtype dtype : kDtypes) {
    check_real_shape({1, 2560, 9728}, dtype);
    check_real_shape({1, 9728, 2560}, dtype);
  }
  check_real_shape({5, 2560, 9728}, Dtype::bf16);
  check_real_shape({5, 9728, 2560}, Dtype::f16);
}

TEST(output_matrix_of_151936_rows) {
  check_real_shape({1, 151936, 1024}, Dtype::bf16);
}

}  // namespace
}  // namespace quern::test
