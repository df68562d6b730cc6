// What a decoding step asks of the GPU, counted: launches, bytes of weights and of keys and values, memory
// that no kernel should touch. Without a GPU these counts stand for its speed. The layer has Qwen3-4B's
// sizes.
#include <atomic>
#include <string>
#include <vector>

#include "backend/cuda/cuda_device.h"
#include "check.h"
#include "emulator/counters.h"
#include "model/decoder.h"
#include "random_plan.h"

namespace quern::test {
namespace {

constexpr ModelSizes kSizes{1, 2560, 32, 8, 128, 9728, 512, 1024, true};
constexpr int kPages = kSizes.context / kPagePositions;

// A sequence that is continued by a token of no meaning, from a position before which keys and values are
// zeros.
class Sequence {
 public:
  Sequence(const char* dtype, int position)
      : device_(cuda::create_cuda_device(0, 2)), plan_(parse_plan(random_plan(kSizes))), computed_(position) {
    const KvShape shape{device_->kv_dtype(false), kSizes.kv_heads, kSizes.head_dim, kPages};
    const std::vector<int> windows(static_cast<size_t>(kSizes.layers), 0);
    DecoderWeights weights(plan_, *device_, *weight_choice(dtype), {});
    weight_bytes_ = weights.bytes_per_token();
    decoder_ = std::make_unique<Decoder>(plan_.config, std::move(weights), *device_,
                                         StateShape{shape, group_layers(windows)},
                                         Decoder::Limits{1, 1, 1, kSizes.context});
    for (int page = 0; page < kPages; ++page) pages_.push_back(page);
    table_ = pages_.data();
    logits_.resize(static_cast<size_t>(kSizes.vocab));
  }

  void step() {
    const int32_t token = 7, row = 0;
    const DecoderInput input{{&token, 1}, computed_, 0, {&table_, 1}};
    const Ticket step = decoder_->begin({&input, 1}, never_);
    decoder_->read_logits({&row, 1}, logits_.data());
    decoder_->launch(step);
    StepResult result;
    CHECK(decoder_->collect(step, result));
    ++computed_;
  }

  int computed() const { return computed_; }
  uint64_t weight_bytes() const { return weight_bytes_; }  // that one token must read

 private:
  const std::unique_ptr<Device> device_;
  const ModelPlan plan_;
  std::unique_ptr<Decoder> decoder_;
  uint64_t weight_bytes_ = 0;
  const std::atomic<bool> never_{false};
  std::vector<int32_t> pages_;
  const int32_t* table_ = nullptr;
  int computed_;
  std::vector<float> logits_;
};

struct Bound {
  const char* dtype;
  double bytes, sectors;  // beyond what must be read, and beyond what lanes' addresses need at least
};
// Beside the weights there is x, once a block; with whole numbers, scales that four lanes ask for, a sector
// for each row.
constexpr Bound kBounds[] = {{"bf16", 1.03, 1.01}, {"int8", 1.25, 1.25}, {"int4", 1.45, 1.05}};

// The embedding, five launches a layer, the output matrix; every weight once, keys and values once, little
// else.
TEST(a_token_reads_every_weight_once) {
  for (const auto& [dtype, bytes, sectors] : kBounds) {
    Sequence sequence(dtype, 300);
    emulator::take_counters();
    sequence.step();
    const emulator::Counters sum = emulator::take_counters();
    CHECK_FOR(sum.launches == uint64_t{5} * kSizes.layers + 2, dtype);
    const auto kv_bytes = static_cast<uint64_t>(4 * kSizes.kv_heads * kSizes.head_dim * sequence.computed());
    const uint64_t must = sequence.weight_bytes() + kv_bytes;
    CHECK_FOR(sum.global_bytes_read >= must, dtype);
    CHECK_FOR(static_cast<double>(sum.global_bytes_read) <= bytes * static_cast<double>(must), dtype);
    CHECK_FOR(
        static_cast<double>(sum.global_sectors) <= sectors * static_cast<double>(sum.global_ideal_sectors),
        dtype);
    CHECK_FOR(sum.shared_conflict_cycles == 0 && sum.local_accesses == 0, dtype);
  }
}

}  // namespace
}  // namespace quern::test
