// Products with weights in blocks of integers, and the activations that they take.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "backend/cpu/kernels/activation_block.h"
#include "backend/cpu/matmul_kernels.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

using cpu::ActivationBlock;
using cpu::Activations;
using cpu::Isa;
using cpu::MatmulKernel;

constexpr const char* kFormats[] = {"Q8_0", "Q4_0"};

struct Shape {
  int tokens, rows;
  int64_t k;
};

std::string name_of_case(const Isa& isa, const MatmulKernel& kernel, const Shape& shape) {
  return std::string(isa.name) + " " + kernel.format +
         (kernel.activations == Activations::int8 ? " int8" : " f32") + " tokens " +
         std::to_string(shape.tokens) + " rows " + std::to_string(shape.rows) + " k " +
         std::to_string(shape.k);
}

// A matrix in a format, whose blocks have every integer that there is, and what they stand for.
struct Matrix {
  Matrix(const Format& of, int64_t rows, int64_t k, Random& random) : format(of), bytes(of.row_bytes(k)) {
    const int64_t blocks = bytes / of.bytes;
    stored.resize(static_cast<size_t>(rows * bytes));
    for (std::byte& byte : stored) byte = static_cast<std::byte>(random.below(256));
    for (int64_t block = 0; block < rows * blocks; ++block) {
      std::byte* const at = stored.data() + block * of.bytes;
      const F16 scale = to_f16(random.real(0.01f));
      std::memcpy(at, &scale, sizeof scale);
      if (random.below(4) == 0)
        std::fill_n(at + 2, of.bytes - 2, static_cast<std::byte>(random.below(2) * 0x80));
    }
    for (int64_t row = 0; row < rows; ++row) {
      std::vector<float> decoded(static_cast<size_t>(k));
      decode_row(of, stored.data() + row * bytes, k, decoded.data());
      numbers.insert(numbers.end(), decoded.begin(), decoded.end());
    }
  }
  const Format& format;
  int64_t bytes;
  std::vector<std::byte> stored;
  std::vector<float> numbers;  // [rows, k]
};

// Rows of numbers as a kernel takes them.
struct Rows {
  Rows(const Isa& isa, const MatmulKernel& kernel, const std::vector<float>& x, const Shape& shape)
      : stride(kernel.activations == Activations::int8 ? cpu::activation_row_bytes(shape.k) : 4 * shape.k),
        bytes(static_cast<size_t>(shape.tokens * stride)) {
    if (kernel.activations == Activations::f32)
      std::memcpy(bytes.data(), x.data(), bytes.size());
    else
      isa.kernels->quantize({x.data(), shape.k, shape.k, shape.tokens, bytes.data()});
  }
  // Number `col` of row `token`, as the kernel sees it.
  double at(const MatmulKernel& kernel, int token, int64_t col) const {
    const std::byte* const row = bytes.data() + token * stride;
    if (kernel.activations == Activations::f32) {
      float number = 0;
      std::memcpy(&number, row + 4 * col, sizeof number);
      return number;
    }
    ActivationBlock block;
    std::memcpy(&block, row + col / 32 * static_cast<int64_t>(sizeof block), sizeof block);
    return double{block.scale} * block.numbers[col % 32];
  }
  int64_t stride;
  std::vector<std::byte> bytes;
};

std::vector<std::byte> in_panels(const MatmulKernel& kernel, const Matrix& w, const Shape& shape) {
  std::vector<std::byte> panels(static_cast<size_t>(kernel.bytes(shape.rows, shape.k)));
  kernel.pack({w.stored.data(), 0, shape.rows, shape.k, panels.data()});
  return panels;
}

// Calls use(isa, kernel) for every product with weights of this format that the machine can run.
template <typename Use>
void for_kernels(const Format& format, Use use) {
  for (const Isa* isa : cpu::runnable_isas())
    for (const bool exact : {true, false}) use(*isa, cpu::choose_matmul(*isa, format, exact));
}

// With activations of 8 bits the sums of blocks are whole numbers, so what rounds is: the product of two
// scales, and the product with it and the addition (one rounding, or two where nothing fuses), of b blocks.
// Each partial sum is at most s = sum |x w|, so the error is at most (b + 2) roundings of s; with activations
// of 32 bits there are the 32 additions of a block besides. 2 for the second rounding where there is one.
double tolerance(const MatmulKernel& kernel, double magnitudes, int64_t k) {
  const double blocks = static_cast<double>((k + 31) / 32);
  const double roundings = blocks + 2 + (kernel.activations == Activations::f32 ? 32 : 0);
  return 2 * roundings * kUnit * magnitudes;
}

void check_shape(const Shape& shape) {
  constexpr float kCanary = 12345;
  Random random(static_cast<uint64_t>(shape.tokens * 1000003 + shape.rows * 1009) +
                static_cast<uint64_t>(shape.k));
  const int64_t out_stride = shape.rows + 2;
  const auto x = random.reals(static_cast<size_t>(shape.tokens * shape.k), 1);
  const auto before = random.reals(static_cast<size_t>(shape.tokens * out_stride), 1);
  for (const char* name : kFormats) {
    const Matrix w(*find_format(name), shape.rows, shape.k, random);
    for_kernels(w.format, [&](const Isa& isa, const MatmulKernel& kernel) {
      const std::string context = name_of_case(isa, kernel, shape);
      const auto panels = in_panels(kernel, w, shape);
      const Rows rows(isa, kernel, x, shape);
      for (const bool accumulate : {false, true}) {
        auto out = before;
        for (int t = 0; t < shape.tokens; ++t)
          std::fill_n(out.begin() + t * out_stride + shape.rows, 2, kCanary);
        kernel.matmul({rows.bytes.data(), rows.stride, panels.data(), shape.k, shape.tokens, 0, shape.rows,
                       out.data(), out_stride, accumulate});
        for (int t = 0; t < shape.tokens; ++t) {
          for (int r = 0; r < shape.rows; ++r) {
            double sum = 0, magnitudes = 0;
            for (int64_t i = 0; i < shape.k; ++i) {
              const double product =
                  rows.at(kernel, t, i) * double{w.numbers[static_cast<size_t>(r * shape.k + i)]};
              sum += product;
              magnitudes += std::abs(product);
            }
            const auto at = static_cast<size_t>(t * out_stride + r);
            const double wanted = sum + (accumulate ? double{before[at]} : 0);
            const double most = tolerance(kernel, magnitudes, shape.k) + kUnit * std::abs(wanted) + 1e-30;
            CHECK_FOR(std::abs(double{out[at]} - wanted) <= most, context);
          }
          for (int gap = 0; gap < 2; ++gap)
            CHECK_FOR(out[static_cast<size_t>(t * out_stride + shape.rows + gap)] == kCanary, context);
        }
      }
    });
  }
}

TEST(against_float64) {
  for (const int64_t k : {1, 31, 32, 33, 64, 65, 100, 320})
    for (const int tokens : {1, 2, 3, 8, 9})
      for (const int rows : {1, 7, 16, 18, 40}) check_shape({tokens, rows, k});
  check_shape({33, 20, 1024});
  check_shape({100, 6, 3000});  // more tokens than a block in the cache holds
}

// From 1 to 33 tokens, and for any split of rows and tokens, an output has the same bits; and the same on
// every instruction set that fuses, for what is added up in lanes of its own is whole numbers.
TEST(the_same_bits_for_any_number_of_tokens_and_split) {
  const Shape shape{33, 45, 416};
  Random random(7);
  const auto x = random.reals(static_cast<size_t>(shape.tokens * shape.k), 1);
  for (const char* name : kFormats) {
    const Matrix w(*find_format(name), shape.rows, shape.k, random);
    std::vector<float> elsewhere[2];
    for_kernels(w.format, [&](const Isa& isa, const MatmulKernel& kernel) {
      const std::string context = name_of_case(isa, kernel, shape);
      const auto panels = in_panels(kernel, w, shape);
      const Rows rows(isa, kernel, x, shape);
      const auto multiply = [&](int first_token, int tokens, int first_row, int count,
                                std::vector<float>& out) {
        kernel.matmul({rows.bytes.data() + first_token * rows.stride, rows.stride, panels.data(), shape.k,
                       tokens, first_row, count, out.data() + first_token * shape.rows + first_row,
                       shape.rows, false});
      };
      std::vector<float> whole(static_cast<size_t>(shape.tokens * shape.rows));
      multiply(0, shape.tokens, 0, shape.rows, whole);
      for (int tokens = 1; tokens <= shape.tokens; ++tokens) {
        std::vector<float> pieces(whole.size());
        for (int t = 0; t < shape.tokens; t += tokens) {
          for (int r = 0; r < shape.rows;) {
            const int count = std::min(shape.rows - r, random.between(1, 25));
            multiply(t, std::min(tokens, shape.tokens - t), r, count, pieces);
            r += count;
          }
        }
        CHECK_FOR(same_bytes(whole, pieces), context + " in " + std::to_string(tokens));
      }
      if (std::string_view(isa.name) == "baseline") return;
      std::vector<float>& other = elsewhere[kernel.activations == Activations::int8];
      if (other.empty()) other = whole;
      CHECK_FOR(same_bytes(whole, other), context);
    });
  }
}

// Sums of whole numbers at their largest: -128 * 127 everywhere, 127 * -127, and both in turn.
TEST(integers_at_the_ends_of_their_range) {
  constexpr int kRows = 16;
  const int64_t k = 256;
  for (const char* name : kFormats) {
    const Format& format = *find_format(name);
    for (const int pattern : {0x80, 0x7f, 0x00, 0xff, 0x88, 0x81}) {
      Random random(1);
      Matrix w(format, kRows, k, random);
      for (size_t at = 0; at < w.stored.size(); at += static_cast<size_t>(format.bytes)) {
        const F16 one = to_f16(1);
        std::memcpy(w.stored.data() + at, &one, sizeof one);
        std::fill_n(w.stored.begin() + static_cast<std::ptrdiff_t>(at) + 2, format.bytes - 2,
                    static_cast<std::byte>(pattern));
      }
      std::vector<float> decoded(static_cast<size_t>(k));
      decode_row(format, w.stored.data(), k, decoded.data());
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> x(static_cast<size_t>(k), sign * 127);
        double want = 0;
        for (const float number : decoded) want += double{number} * double{sign} * 127;
        for_kernels(format, [&](const Isa& isa, const MatmulKernel& kernel) {
          const Shape shape{1, kRows, k};
          const auto panels = in_panels(kernel, w, shape);
          const Rows rows(isa, kernel, x, shape);
          std::vector<float> out(kRows);
          kernel.matmul(
              {rows.bytes.data(), rows.stride, panels.data(), k, 1, 0, kRows, out.data(), kRows, false});
          for (const float got : out) CHECK_FOR(double{got} == want, name_of_case(isa, kernel, shape));
        });
      }
    }
  }
}

TEST(a_row_comes_back_as_it_was) {
  const Shape shape{1, 37, 200};
  Random random(3);
  for (const char* name : kFormats) {
    const Matrix w(*find_format(name), shape.rows, shape.k, random);
    for_kernels(w.format, [&](const Isa& isa, const MatmulKernel& kernel) {
      const auto panels = in_panels(kernel, w, shape);
      for (int64_t row = 0; row < shape.rows; ++row) {
        std::vector<float> got(static_cast<size_t>(shape.k));
        kernel.unpack_row({panels.data(), row, shape.k, got.data()});
        for (size_t i = 0; i < got.size(); ++i)
          CHECK_FOR(got[i] == w.numbers[static_cast<size_t>(row * shape.k) + i],
                    name_of_case(isa, kernel, shape));
      }
    });
  }
}

// Each number is off by half a step at most, and every instruction set gives the same bytes.
TEST(activations_of_eight_bits) {
  for (const int64_t k : {1, 32, 50, 64, 1000}) {
    Random random(static_cast<uint64_t>(k));
    std::vector<float> x = random.reals(static_cast<size_t>(3 * k), 1);
    for (int64_t i = 0; i < k; ++i) x[static_cast<size_t>(i)] *= 1e-30f;
    std::vector<std::byte> first;
    for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
      std::vector<std::byte> bytes(static_cast<size_t>(3 * cpu::activation_row_bytes(k)));
      kernels->quantize({x.data(), k, k, 3, bytes.data()});
      if (first.empty()) first = bytes;
      CHECK_FOR(same_bytes(first, bytes), std::string(kernels->name));
      const auto* block = reinterpret_cast<const ActivationBlock*>(bytes.data());
      for (int row = 0; row < 3; ++row) {
        for (int64_t b = 0; b < cpu::activation_blocks(k); ++b, ++block) {
          int sum = 0;
          for (int i = 0; i < 32; ++i) {
            const int64_t col = b * 32 + i;
            const double want = col < k ? double{x[static_cast<size_t>(row * k + col)]} : 0;
            sum += block->numbers[i];
            CHECK(std::abs(block->numbers[i]) <= 127);
            CHECK(std::abs(double{block->scale} * block->numbers[i] - want) <=
                  double{block->scale} * 0.50001);
          }
          CHECK_EQ(block->sum, sum);
        }
      }
    }
  }
}

TEST(activations_that_are_no_numbers_are_not_lost) {
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> x(64, 1);
    x[40] = odd;
    for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
      ActivationBlock blocks[2];
      kernels->quantize({x.data(), 64, 64, 1, blocks});
      CHECK(blocks[0].scale * 127 == 1 && !std::isfinite(blocks[1].scale));
    }
  }
}

}  // namespace
}  // namespace quern::test
