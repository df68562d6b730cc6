// Queries, keys and values of precision 'exact' against float64, for every kind of keys and values.
#include "backend/cuda/attention_input_case.h"
#include "backend/cuda/plain_numbers.h"

namespace quern::test {
namespace {

using cuda::Encoding;
using cuda::KvType;

const HeadsArithmetic kExact = {
    normed,
    [](const EncodedMatrix& matrix, int row, const double* in) {
      const Sum sum = product(matrix, row, in);
      return SumAndSlack{sum.value, sum.tolerance(matrix.matrix().cols)};
    },
    0,
};

TEST(queries_and_pages_are_filled) {
  Random random(6);
  for (const HeadsShape& shape :
       {HeadsShape{72, 3, 1, 24, 24, KvType::f32, true, true, Encoding::f32, Encoding::bf16},
        HeadsShape{108, 4, 2, 12, 8, KvType::f32, false, false, Encoding::f16, Encoding::bf16},
        HeadsShape{48, 2, 2, 64, 64, KvType::f32, false, true, Encoding::bf16, Encoding::bf16},
        HeadsShape{112, 4, 1, 32, 32, KvType::bf16, true, false, Encoding::bf16, Encoding::bf16},
        HeadsShape{80, 4, 2, 48, 16, KvType::f16, true, true, Encoding::int8, Encoding::bf16},
        HeadsShape{80, 2, 1, 20, 0, KvType::bf16, false, true, Encoding::int4, Encoding::bf16},
        HeadsShape{81, 3, 3, 33, 32, KvType::f16, true, false, Encoding::int4, Encoding::bf16},
        HeadsShape{48, 1, 1, 128, 128, KvType::bf16, true, true, Encoding::f32, Encoding::bf16}}) {
    for (const std::vector<MadeUpStep::Sequence>& sequences :
         {std::vector<MadeUpStep::Sequence>{{1, 33}, {5, 14}, {1, 0}}, {{1, 21}}}) {
      const MadeUpStep step(sequences, 10, random);
      const HeadsLayer layer(shape, step.rows(), random);
      const std::vector<RowNumbers> got = layer.run<float>(step, 0, cuda::plain_attention_input);
      for (int row = 0; row < step.rows(); ++row) layer.check(got[size_t(row)], row, kExact);
    }
  }
}

}  // namespace
}  // namespace quern::test
