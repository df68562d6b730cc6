// Two decoders of different sizes on one device, as a large model and its draft model are.
#include <atomic>
#include <string>
#include <vector>

#include "check.h"
#include "devices_under_test.h"
#include "model/decoder.h"
#include "model/plan.h"
#include "numbers.h"
#include "random_plan.h"

namespace quern::test {
namespace {

constexpr ModelSizes kSmall{1, 24, 2, 1, 12, 40, 101, 200}, kLarge{3, 144, 6, 2, 32, 400, 1009, 200};

// A decoder with a sequence that it goes on with: a prompt, then one token after the other.
class Running {
 public:
  Running(Device& device, const ModelSizes& sizes, int rows)
      : decoder_(make(device, parse_plan(random_plan(sizes)), rows)), vocab_(sizes.vocab) {
    Random random(static_cast<uint64_t>(sizes.vocab));
    while (static_cast<int>(tokens_.size()) < rows) tokens_.push_back(random.below(sizes.vocab));
    for (int page = 9; page >= 0; --page) pages_.push_back(page);
    table_ = pages_.data();
    sampling_.temperature = 1;
    sampling_.top_logprobs = 2;
  }

  void begin() {
    const auto first = static_cast<size_t>(computed_);
    const DecoderInput input{std::span(tokens_).subspan(first), computed_, 0, {&table_, 1}};
    last_row_ = static_cast<int32_t>(input.tokens.size()) - 1;
    step_ = decoder_->begin({&input, 1}, never_);
  }
  void want() {
    SampleParams params;
    params.options = &sampling_;
    params.uniform = 0.37;
    decoder_->sample({&last_row_, 1}, {&params, 1});
    const int32_t target = 7;
    const ScoreParams score{{&target, 1}, 1};
    decoder_->score({&last_row_, 1}, {&score, 1});
    logits.resize(logits.size() + static_cast<size_t>(vocab_));
    decoder_->read_logits({&last_row_, 1}, logits.data() + logits.size() - static_cast<size_t>(vocab_));
  }
  void launch() { decoder_->launch(step_); }
  void collect() {
    StepResult result;
    CHECK(decoder_->collect(step_, result));
    computed_ = static_cast<int32_t>(tokens_.size());
    tokens_.push_back(result.sampled.at(0).token);
    logprobs.push_back(result.sampled[0].logprobs->chosen);
    logprobs.push_back(result.sampled[0].logprobs->top.at(1).logprob);
    logprobs.push_back(result.scored.at(0).targets.at(0));
  }

  const std::vector<int32_t>& tokens() const { return tokens_; }
  std::vector<double> logprobs;
  std::vector<float> logits;

 private:
  static std::unique_ptr<Decoder> make(Device& device, const ModelPlan& plan, int rows) {
    const AttentionMixer& mixer = plan.config.layers.front().mixer;
    const std::vector<int> windows(plan.config.layers.size(), 0);
    const StateShape state{{device.kv_dtype(false), mixer.kv_heads, mixer.head_dim, 10},
                           group_layers(windows)};
    return std::make_unique<Decoder>(plan.config, DecoderWeights(plan, device, {}, {}), device, state,
                                     Decoder::Limits{rows, 4, 1, plan.config.context_length});
  }

  const std::unique_ptr<Decoder> decoder_;
  const int vocab_;
  const std::atomic<bool> never_{false};
  SamplingOptions sampling_;
  std::vector<int32_t> tokens_, pages_;
  const int32_t* table_ = nullptr;
  int32_t computed_ = 0, last_row_ = 0;
  Ticket step_ = 0;
};

constexpr int kSteps = 25, kSmallRows = 5, kLargeRows = 60;

TEST(side_by_side_equals_alone) {
  const auto device = make_device(2);
  const auto alone = [&](Running& running) {
    for (int step = 0; step < kSteps; ++step) {
      running.begin();
      running.want();
      running.launch();
      running.collect();
    }
  };
  Running small_alone(*device, kSmall, kSmallRows), large_alone(*device, kLarge, kLargeRows);
  alone(small_alone);
  alone(large_alone);
  Running small(*device, kSmall, kSmallRows), large(*device, kLarge, kLargeRows);
  for (int step = 0; step < kSteps; ++step) {
    for (Running* const one : {&large, &small}) one->begin();
    for (Running* const one : {&small, &large}) one->want();
    for (Running* const one : {&large, &small}) one->launch();
    for (Running* const one : {&small, &large}) one->collect();
  }
  const std::pair<Running*, Running*> pairs[] = {{&small, &small_alone}, {&large, &large_alone}};
  for (const auto& [beside, by_itself] : pairs) {
    CHECK(beside->tokens() == by_itself->tokens());
    CHECK(same_bytes(beside->logits, by_itself->logits));
    CHECK(same_bytes(beside->logprobs, by_itself->logprobs));
  }
}

}  // namespace
}  // namespace quern::test
