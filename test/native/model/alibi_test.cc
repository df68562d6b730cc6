#include "model/alibi.h"

#include <cmath>
#include <vector>

#include "check.h"

namespace quern::test {
namespace {

// As the authors' code gives them (fairseq, get_slopes).
TEST(the_slopes_of_the_paper) {
  CHECK((alibi_slopes(1) == std::vector<float>{0x1p-8f}));
  CHECK((alibi_slopes(4) == std::vector<float>{0x1p-2f, 0x1p-4f, 0x1p-6f, 0x1p-8f}));
  CHECK((alibi_slopes(6) == std::vector<float>{0x1p-2f, 0x1p-4f, 0x1p-6f, 0x1p-8f, 0x1p-1f, 0x1p-3f}));
  const std::vector<float> of_twelve = alibi_slopes(12);
  CHECK_EQ(of_twelve.size(), size_t{12});
  CHECK(of_twelve[0] == 0.5f && of_twelve[7] == 0x1p-8f);
  CHECK_NEAR(of_twelve[8], std::sqrt(0.5f), 1e-7, 0);
  CHECK_NEAR(of_twelve[11], std::exp2(-3.5f), 1e-8, 0);
  CHECK_NEAR(alibi_slopes(16)[0], std::sqrt(0.5f), 1e-7, 0);
}

}  // namespace
}  // namespace quern::test
