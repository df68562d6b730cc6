// Queries, keys and values as attention takes them: against float64, and the bits of a row among any others.
#include "backend/cuda/attention_input_case.h"
#include "backend/cuda/product_case.h"

namespace quern::test {
namespace {

using cuda::Encoding;
using cuda::KvType;

// Of bf16 operands.
const HeadsArithmetic kFast = {
    normed_of,
    [](const EncodedMatrix& matrix, int row, const double* in) {
      const Wanted sum = wanted(matrix, row, in);
      return SumAndSlack{sum.value, sum.tolerance() + sum.magnitudes * 0x1p-11};
    },
    0x1p-8,
};

std::vector<RowNumbers> run(const HeadsLayer& layer, const MadeUpStep& step, int first) {
  return layer.run<uint16_t>(step, first, cuda::attention_input);
}

TEST(attention_input_fills_queries_and_pages_and_a_row_has_its_bits_anywhere) {
  Random random(6);
  for (const HeadsShape& shape :
       {HeadsShape{72, 3, 1, 24, 24, KvType::f32, true, true, Encoding::f32, Encoding::f32},
        HeadsShape{108, 4, 2, 12, 8, KvType::f32, false, false, Encoding::f16, Encoding::f16},
        HeadsShape{48, 2, 2, 64, 64, KvType::f32, false, true, Encoding::bf16, Encoding::bf16},
        HeadsShape{112, 4, 1, 32, 32, KvType::bf16, true, false, Encoding::bf16, Encoding::bf16},
        HeadsShape{80, 4, 2, 48, 16, KvType::f16, true, true, Encoding::int8, Encoding::int8},
        HeadsShape{80, 2, 1, 20, 0, KvType::bf16, false, true, Encoding::int4, Encoding::int8},
        HeadsShape{81, 3, 3, 33, 32, KvType::f16, true, false, Encoding::int4, Encoding::int4},
        HeadsShape{320, 2, 1, 128, 128, KvType::bf16, true, true, Encoding::bf16, Encoding::bf16}}) {
    constexpr int kRows = 41;
    const std::vector<MadeUpStep::Sequence> all = {{1, 33}, {5, 14}, {35, 3}};
    const HeadsLayer layer(shape, kRows, random);
    const std::vector<RowNumbers> got = run(layer, MadeUpStep(all, 10, random), 0);
    for (int row = 0; row < kRows; ++row) layer.check(got[size_t(row)], row, kFast);
    // The same rows in steps of one, of a few and of more.
    const auto same = [&](const std::vector<MadeUpStep::Sequence>& sequences, int first) {
      const std::vector<RowNumbers> some = run(layer, MadeUpStep(sequences, 10, random), first);
      for (size_t row = 0; row < some.size(); ++row) CHECK(some[row] == got[size_t(first) + row]);
    };
    same({{1, 33}}, 0);
    same({{2, 17}, {1, 3}}, 4);
    same({{8, 30}}, 33);
    same({{1, 33}, {5, 14}, {3, 3}}, 0);
    same({{34, 4}}, 7);
  }
}

TEST(what_is_too_large_for_f16_stays_finite) {
  Random random(7);
  const HeadsShape shape{64, 1, 1, 16, 0, KvType::f16, false, false, Encoding::f32, Encoding::f32};
  HeadsLayer layer(shape, 1, random);
  std::vector<uint32_t> huge(16 * 64, 0x4b000000);  // 2^23
  must(cudaMemcpy(const_cast<void*>(layer.v.matrix().numbers), huge.data(), huge.size() * 4,
                  cudaMemcpyHostToDevice));
  const std::vector<RowNumbers> got = run(layer, MadeUpStep({{1, 5}}, 10, random), 0);
  for (const double value : got[0].values) CHECK_EQ(std::abs(value), 65504.0);
}

}  // namespace
}  // namespace quern::test
