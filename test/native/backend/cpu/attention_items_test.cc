// How attention is cut into work items, and where their partial results go: never what comes out.
#include <string>
#include <vector>

#include "backend/cpu/cpu_attention.h"
#include "backend/cpu/isa.h"
#include "check.h"
#include "core/error.h"
#include "numbers.h"

namespace quern::test {
namespace {

constexpr int kHeads = 4, kKvHeads = 2, kHeadDim = 16, kContext = 3000;
constexpr int64_t kOnePartial = kHeads * (kHeadDim + 2) * 4;

const std::atomic<bool> kNever{false};

// One decoding row of each sequence, at these positions, over keys and values of random numbers.
class Decoding {
 public:
  explicit Decoding(const std::vector<int>& positions) {
    for (const int position : positions) {
      pages_.emplace_back();
      for (int at = 0; at <= position; at += kPagePositions) pages_.back().push_back(shape_.pages++);
    }
    for (size_t i = 0; i < positions.size(); ++i)
      rows_.push_back({static_cast<int>(i), 1, positions[i], pages_[i].data()});
    Random random(5);
    const auto numbers = static_cast<size_t>(shape_.pages * shape_.page_numbers());
    keys_ = random.reals(numbers, 1);
    values_ = random.reals(numbers, 1);
    q_ = random.reals(rows_.size() * kHeads * kHeadDim, 2);
  }

  Decoding& of(Dtype dtype) {
    shape_.dtype = dtype;
    return *this;
  }

  std::vector<float> run(int threads, int64_t partial_bytes) {
    cpu::Attention attention;
    attention.reserve({static_cast<int>(rows_.size()), 1, 64, kHeads, kKvHeads, kHeadDim, 64, 64, kContext},
                      threads, partial_bytes);
    std::vector<float> out(q_.size());
    const auto rows = static_cast<int64_t>(rows_.size());
    attention.run(*cpu::runnable_kernels().back(), threads, kNever,
                  {q_.data(), Dtype::f32, rows, kHeads * kHeadDim}, rows_, shape_,
                  {keys_.data(), values_.data()}, {out.data(), Dtype::f32, rows, kHeads * kHeadDim});
    return out;
  }

 private:
  KvShape shape_{Dtype::f32, kKvHeads, kHeadDim, 0};
  std::vector<std::vector<int32_t>> pages_;
  std::vector<SequenceRows> rows_;
  std::vector<float> keys_, values_, q_;
};

// 3 + 6 + 2 + 1 segments are asked for; memory for them may be there, or for some, or for none.
TEST(partial_results_stay_within_their_memory) {
  Decoding decoding({1500, 2999, 600, 100});
  const auto alone = decoding.run(1, 0);
  for (const float number : alone) CHECK(std::isfinite(number) && number != 0);
  for (const int threads : {1, 2, 4})
    for (int partials = 0; partials <= 14; ++partials)
      CHECK_FOR(same_bytes(decoding.run(threads, partials * kOnePartial), alone),
                std::to_string(threads) + " threads, " + std::to_string(partials) + " partial results");
  CHECK(same_bytes(decoding.run(2, kOnePartial - 1), alone));
  CHECK(same_bytes(decoding.run(2, cpu::Attention::kPartialBytes), alone));
}

TEST(keys_of_a_type_that_no_kernel_reads_are_refused) {
  CHECK_ERROR(Decoding({3}).of(Dtype::bf16).run(1, 0), "internal");
}

}  // namespace
}  // namespace quern::test
