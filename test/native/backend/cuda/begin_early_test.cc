// Whole steps on a GPU whose kernels may begin before the one in front has ended (launch.h), with the
// checker's eye on what they do then: every launch of a step may, but the first and those behind a copy.
#include <atomic>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "backend/cuda/cuda_device.h"
#include "backend/cuda/product_case.h"
#include "check.h"
#include "emulator/counters.h"
#include "emulator/report.h"
#include "environment.h"
#include "model/decoder.h"
#include "numbers.h"
#include "random_plan.h"

namespace quern::test {
namespace {

const int is_set = setenv("QUERN_EMULATOR_ARCH", "90a", 1) | setenv("QUERN_EMULATOR_DEVICES", "2", 1);

// Heads of 80 numbers leave some of a warp's tiles empty; 160 columns are not whole granules of int4.
constexpr ModelSizes kSizes[] = {{2, 256, 4, 2, 64, 384, 300, 1024, true},
                                 {1, 160, 2, 1, 80, 192, 130, 1024, false},
                                 {1, 256, 2, 1, 256, 128, 130, 1024, true}};

// Some sequences of one model, which grow.
class Sequences {
 public:
  Sequences(const ModelSizes& sizes, const char* dtype, bool exact, int count, int gpu)
      : device_(cuda::create_cuda_device(gpu, 2)),
        plan_(parse_plan(random_plan(sizes))),
        vocab_(sizes.vocab) {
    const int pages = sizes.context / kPagePositions;
    const KvShape shape{device_->kv_dtype(exact), sizes.kv_heads, sizes.head_dim, count * pages};
    const std::vector<int> windows(static_cast<size_t>(sizes.layers), 0);
    WeightChoice choice = *weight_choice(dtype);
    choice.exact = exact;
    DecoderWeights weights(plan_, *device_, choice, {});
    decoder_ = std::make_unique<Decoder>(plan_.config, std::move(weights), *device_,
                                         StateShape{shape, group_layers(windows)},
                                         Decoder::Limits{512, 8, count, sizes.context});
    for (int page = 0; page < count * pages; ++page) pages_.push_back(page);
    for (int sequence = 0; sequence < count; ++sequence) {
      tables_.push_back(pages_.data() + static_cast<ptrdiff_t>(sequence) * pages);
      computed_.push_back(0);
    }
  }

  // So many tokens more of each; `rows_read`: of the last ones' logits, those that the host reads.
  void step(const std::vector<int>& tokens, const SamplingOptions& options, int rows_read = 0) {
    std::vector<DecoderInput> inputs;
    std::vector<std::vector<int32_t>> ids;
    std::vector<int32_t> last;
    std::vector<SampleParams> params(tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i) {
      ids.push_back(random_tokens(tokens[i]));
      last.push_back((last.empty() ? -1 : last.back()) + tokens[i]);
    }
    for (size_t i = 0; i < tokens.size(); ++i) {
      inputs.push_back({ids[i], computed_[i], computed_[i] + tokens[i], {&tables_[i], 1}});
      params[i].options = &options;
      params[i].tokens = ids[i];
      params[i].uniform = 0.3;
      computed_[i] += tokens[i];
    }
    const Ticket step = decoder_->begin(inputs, never_);
    std::vector<float> numbers(static_cast<size_t>(rows_read * vocab_));
    if (rows_read > 0)
      decoder_->read_logits(std::span(last).first(static_cast<size_t>(rows_read)), numbers.data());
    decoder_->sample(last, params);
    decoder_->launch(step);
    StepResult result;
    CHECK(decoder_->collect(step, result));
    CHECK_EQ(result.sampled.size(), tokens.size());
  }

 private:
  std::vector<int32_t> random_tokens(int count) {
    std::vector<int32_t> ids;
    for (int i = 0; i < count; ++i) ids.push_back((next_ = (next_ * 37 + 11) % vocab_));
    return ids;
  }

  const std::unique_ptr<Device> device_;
  const ModelPlan plan_;
  const int vocab_;
  int next_ = 1;
  std::unique_ptr<Decoder> decoder_;
  const std::atomic<bool> never_{false};
  std::vector<int32_t> pages_;
  std::vector<const int32_t*> tables_;
  std::vector<int> computed_;
};

constexpr uint64_t kAll = ~uint64_t{0};

// Prompts by gemm and gemv, then steps of one token each, the second of equal ones and those behind it as a
// graph. Of each so many launches wait for the whole of what came before, and where the host reads numbers,
// one more behind that. Nothing may be reported of any.
void check_steps(const ModelSizes& sizes, const char* dtype, bool exact, int count, int gpu = 0,
                 uint64_t want = 1) {
  const std::string context = std::string(dtype) + ", heads of " + std::to_string(sizes.head_dim) + ", " +
                              std::to_string(count) + " sequences";
  SamplingOptions likeliest, drawn;
  drawn.temperature = 0.8f;
  drawn.top_p = 0.9f;
  drawn.logit_bias = {{3, 0.5f}};
  drawn.top_logprobs = 2;
  Sequences sequences(sizes, dtype, exact, count, gpu);
  const auto step = [&](int first, int others, const SamplingOptions& options, uint64_t graphs,
                        int rows_read = 0) {
    std::vector<int> tokens(static_cast<size_t>(count), others);
    tokens[0] = first;
    emulator::take_counters();
    sequences.step(tokens, options, rows_read);
    const emulator::Counters counters = emulator::take_counters();
    CHECK_FOR(emulator::take_reports().empty(), context);
    CHECK_FOR(counters.graph_launches == graphs,
              context + ": " + std::to_string(counters.graph_launches) + " graphs");
    const uint64_t waiting = counters.launches - counters.early_launches;
    CHECK_FOR(counters.launches > 6 &&
                  waiting == (want == kAll ? counters.launches : want + (rows_read > 0 ? 1 : 0)),
              context + ": " + std::to_string(waiting) + " of " + std::to_string(counters.launches));
  };
  for (const int tokens : {70, 5, 20}) step(70, tokens, drawn, 0);
  for (const SamplingOptions* options : {&likeliest, &drawn})
    for (int times = 0; times < 3; ++times) step(1, 1, *options, times == 0 ? 0 : 1);
  for (int times = 0; times < 3; ++times) step(1, 1, drawn, times == 0 ? 0 : 1, 1);
}

// What a block of gemv has on its way before it waits: of eight warps so many granules of two rows a lane.
uint64_t ring_bytes(cuda::Encoding encoding, int rows) {
  using cuda::Encoding;
  const bool is_half = encoding == Encoding::bf16 || encoding == Encoding::f16;
  const int granules = (is_half ? 5 : 3) - (rows > 16 ? 1 : 0);
  const int numbers = encoding == Encoding::f32 ? 32 : 16;  // bytes of a lane and row
  const int scales = encoding == Encoding::int4 ? 8 : encoding == Encoding::int8 ? 4 : 0;
  return static_cast<uint64_t>(8 * 32 * granules * 2 * (numbers + scales));
}

// Else nothing would be gained.
TEST(products_of_few_rows_send_for_weights_before_they_wait) {
  CHECK_EQ(is_set, 0);
  constexpr int kWeights = 64, kCols = 3072, kBlocks = 4;
  const cuda::StreamEnd behind = cuda::StreamEnd(nullptr).behind_kernel();
  Random random(1);
  for (const cuda::Encoding encoding : kEncodings) {
    const EncodedMatrix w(encoding, kWeights, kCols, random), up(encoding, kWeights, kCols, random);
    const DeviceArray<float> norm(random.reals(kCols, 1));
    for (const int rows : {1, 8, 16, 32}) {
      const DeviceArray<uint16_t> in(bf16_of(random.reals(size_t(rows * kCols), 1)));
      const DeviceArray<float> x(random.reals(size_t(rows * kCols), 1)), sums(size_t(rows * kWeights));
      const DeviceArray<uint16_t> out(size_t(rows * kWeights));
      const Scratch scratch(rows, kCols, 1);
      const std::string context = std::to_string(static_cast<int>(encoding)) + ", " + std::to_string(rows);
      emulator::take_counters();
      cuda::matmul_add({w.matrix(), in.data(), rows, sums.data(), scratch.workspace()}, nullptr);
      CHECK_FOR(emulator::take_counters().early_bytes_read == 0, context);
      cuda::matmul_add({w.matrix(), in.data(), rows, sums.data(), scratch.workspace()}, behind);
      const uint64_t ring = ring_bytes(encoding, rows);
      CHECK_FOR(emulator::take_counters().early_bytes_read == kBlocks * ring, context);
      cuda::ffn_input(
          {x.data(), rows, norm.data(), 1e-6f, w.matrix(), up.matrix(), out.data(), scratch.workspace()},
          behind);
      const uint64_t of_norm = rows == 1 ? kCols * sizeof(float) : 0;
      CHECK_FOR(emulator::take_counters().early_bytes_read == kBlocks * (ring + of_norm), context);
    }
  }
  CHECK(emulator::take_reports().empty());
}

TEST(all_kernels_of_a_step_may_begin_early_but_the_first) {
  for (const char* dtype : {"bf16", "int8", "int4"}) check_steps(kSizes[0], dtype, false, 3);
  check_steps(kSizes[0], "bf16", false, 1);
  check_steps(kSizes[1], "int4", false, 1);
  check_steps(kSizes[2], "f16", false, 2);
}

TEST(those_of_precision_exact_too) {
  check_steps(kSizes[1], "f32", true, 2);
}

// That of compute_80 on a newer GPU has nothing to wait with.
TEST(code_that_cannot_wait_never_begins_early) {
  const Environment newer("QUERN_EMULATOR_ARCH", "100");
  check_steps(kSizes[1], "bf16", false, 1, 1, kAll);
}

}  // namespace
}  // namespace quern::test
