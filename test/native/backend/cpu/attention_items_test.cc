// How attention is cut into work items, and where their partial results go: never what comes out.
#include <cmath>
#include <limits>
#include <string>
#include <utility>
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

// Consecutive tokens of a sequence.
struct Chunk {
  int first_position, tokens;
};

// Chunks of several sequences over keys and values of random numbers.
class Batch {
 public:
  explicit Batch(const std::vector<Chunk>& chunks, int window = 0, int sinks = 0)
      : window_(window), sinks_(sinks) {
    for (const Chunk& chunk : chunks) {
      std::vector<int32_t>& pages = pages_.emplace_back();
      for (int at = 0; at < chunk.first_position + chunk.tokens; at += kPagePositions)
        pages.push_back(static_cast<int32_t>(shape_.pages++));
      // What the window has passed is gone, but for the sinks: whoever looks for it, crashes.
      const int kept = (sinks + kPagePositions - 1) / kPagePositions;
      for (int page = kept; page < cpu::lowest_seen(chunk.first_position, window) / kPagePositions; ++page)
        pages[static_cast<size_t>(page)] = std::numeric_limits<int32_t>::min();
      tables_.push_back(pages.data());
    }
    for (size_t i = 0; i < chunks.size(); ++i) {
      sequences_.push_back({rows_, chunks[i].tokens, chunks[i].first_position, {&tables_[i], 1}});
      rows_ += chunks[i].tokens;
    }
    Random random(5);
    const auto numbers = static_cast<size_t>(shape_.pages * shape_.page_numbers());
    keys_ = random.reals(numbers, 1);
    values_ = random.reals(numbers, 1);
    q_ = random.reals(static_cast<size_t>(rows_ * kRowNumbers), 2);
    slopes_ = {0.5f, 0.25f, 0.125f, 0.0625f};
  }

  Batch& of(Dtype dtype) {
    shape_.dtype = dtype;
    return *this;
  }

  std::vector<float> run(int threads, int64_t partial_bytes = cpu::Attention::kPartialBytes) {
    return run(threads, partial_bytes, sequences_, q_);
  }

  // Every row in a call of its own.
  std::vector<float> run_one_by_one() {
    std::vector<float> all;
    for (const SequenceRows& sequence : sequences_) {
      for (int i = 0; i < sequence.rows; ++i) {
        const auto q = q_.begin() + (sequence.first_row + i) * kRowNumbers;
        const auto out =
            run(1, 0, {{0, 1, sequence.first_position + i, sequence.pages}}, {q, q + kRowNumbers});
        all.insert(all.end(), out.begin(), out.end());
      }
    }
    return all;
  }

 private:
  static constexpr int kRowNumbers = kHeads * kHeadDim;

  std::vector<float> run(int threads, int64_t partial_bytes, const std::vector<SequenceRows>& sequences,
                         std::vector<float> q) {
    const int rows = static_cast<int>(q.size()) / kRowNumbers;
    cpu::Attention attention;
    attention.reserve({rows, 1, 64, kHeads, kKvHeads, kHeadDim, 64, 64, kContext}, threads, partial_bytes);
    std::vector<float> out(q.size()), cos, sin;
    for (const SequenceRows& sequence : sequences) {
      for (int i = 0; i < sequence.rows * kHeadDim / 2; ++i) {
        const int position = sequence.first_position + i / (kHeadDim / 2);
        const int turn = std::min(0, sinks_ + window_ - 1 - position);
        cos.push_back(std::cos(0.1f * static_cast<float>(turn)));
        sin.push_back(std::sin(0.1f * static_cast<float>(turn)));
      }
    }
    const Angles angles{cos.data(), sin.data(), kHeadDim};
    attention.run(*cpu::runnable_kernels().back(), threads,
                  {window_, slopes_, sinks_, sinks_ > 0 ? 0 : kNoRope},
                  {q.data(), Dtype::f32, rows, kRowNumbers}, {{}, {&angles, 1}, sequences, &kNever}, shape_,
                  {keys_.data(), values_.data()}, {out.data(), Dtype::f32, rows, kRowNumbers});
    return out;
  }

  int window_, sinks_, rows_ = 0;
  KvShape shape_{Dtype::f32, kKvHeads, kHeadDim, 0};
  std::vector<std::vector<int32_t>> pages_;
  std::vector<const int32_t*> tables_;  // of `pages_`
  std::vector<SequenceRows> sequences_;
  std::vector<float> keys_, values_, q_, slopes_;
};

// 3 + 6 + 2 + 1 segments are asked for; memory for them may be there, or for some, or for none.
TEST(partial_results_stay_within_their_memory) {
  Batch decoding({{1500, 1}, {2999, 1}, {600, 1}, {100, 1}});
  const auto alone = decoding.run(1, 0);
  for (const float number : alone) CHECK(std::isfinite(number) && number != 0);
  for (const int threads : {1, 2, 4})
    for (int partials = 0; partials <= 14; ++partials)
      CHECK_FOR(same_bytes(decoding.run(threads, partials * kOnePartial), alone),
                std::to_string(threads) + " threads, " + std::to_string(partials) + " partial results");
  CHECK(same_bytes(decoding.run(2, kOnePartial - 1), alone));
  CHECK(same_bytes(decoding.run(2, cpu::Attention::kPartialBytes), alone));
}

void check_however_cut(int window, int sinks) {
  Batch batch({{1500, 1}, {2990, 10}, {600, 1}, {0, 200}, {512, 1}, {1010, 77}}, window, sinks);
  const auto alone = batch.run_one_by_one();
  for (const float number : alone) CHECK(std::isfinite(number));
  for (const int threads : {1, 2, 4})
    for (const int partials : {0, 2, 5, 100})
      CHECK_FOR(same_bytes(batch.run(threads, partials * kOnePartial), alone),
                std::to_string(threads) + " threads, " + std::to_string(partials) +
                    " partial results, window " + std::to_string(window) + ", sinks " +
                    std::to_string(sinks));
}

// The same with a window, whose rows see one to three segments, the first of them not from its beginning.
TEST(rows_are_the_same_however_they_are_cut) {
  for (const int window : {0, 1, 17, 64, 512, 1000, 5000}) check_however_cut(window, 0);
}

// And with sinks, before which and in whose blocks and segments windows begin, or far behind them.
TEST(rows_with_sinks_are_the_same_however_they_are_cut) {
  for (const auto& [window, sinks] : {std::pair{1, 1}, {17, 4}, {64, 64}, {100, 70}, {600, 16}, {40, 600}})
    check_however_cut(window, sinks);
}

TEST(keys_of_a_type_that_no_kernel_reads_are_refused) {
  CHECK_ERROR(Batch({{3, 1}}).of(Dtype::bf16).run(1), "internal");
}

}  // namespace
}  // namespace quern::test
