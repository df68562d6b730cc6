#include "backend/library/stream.h"

#include <vector>

#include "backend/library/wire.h"

namespace quern {

namespace {

const QuernWeight* handle(const Weight& weight) {
  return static_cast<const LibraryWeight&>(weight).get();
}
const QuernWeight* handle(const Weight* weight) {
  return weight ? handle(*weight) : nullptr;
}

std::vector<TokenLogprob> likeliest(const QuernTokenLogprob* top, size_t count) {
  std::vector<TokenLogprob> tokens;
  tokens.reserve(count);
  for (const QuernTokenLogprob& one : std::span(top, count)) tokens.push_back({one.token, one.logprob});
  return tokens;
}

class LibraryStream final : public Stream {
 public:
  LibraryStream(const QuernLibrary& library, QuernDevice* device, const StreamLimits& limits)
      : library_(library) {
    const QuernStreamLimits crossing{limits.rows,  limits.logits_rows, limits.hidden,
                                     limits.heads, limits.kv_heads,    limits.head_dim,
                                     limits.ffn,   limits.vocab,       limits.context};
    call(library_.create_stream, device, &crossing, &stream_, &depth_);
  }
  ~LibraryStream() override { library_.destroy_stream(stream_); }

  Ticket begin(const StepInput& input) override {
    sequences_.clear();
    for (const SequenceRows& rows : input.sequences)
      sequences_.push_back(
          {rows.first_row, rows.rows, rows.first_position, rows.pages.data(), rows.pages.size()});
    ropes_.clear();
    for (const Angles& angles : input.ropes) ropes_.push_back({angles.cos, angles.sin, angles.dim});
    const QuernStepInput crossing{input.tokens.data(), ropes_.data(), sequences_.data(),      ropes_.size(),
                                  sequences_.size(),   input.rows(),  wire::flag(input.abort)};
    Ticket step = 0;
    call(library_.begin, stream_, &crossing, &step);
    return step;
  }

  void embed(const Weight& table, Tensor x) override {
    call(library_.embed, stream_, handle(table), wire::tensor(x));
  }

  void attention_input(const AttentionInputWeights& w, int rope, Tensor x, const KvShape& shape, KvLayer kv,
                       Tensor q) override {
    const QuernAttentionInputWeights weights{
        handle(w.norm),   handle(w.q.weight), handle(w.k.weight), handle(w.v.weight), handle(w.q.bias),
        handle(w.k.bias), handle(w.v.bias),   handle(w.q_norm),   handle(w.k_norm),   w.norm_eps};
    const QuernKvShape crossing = wire::shape(shape);
    call(library_.attention_input, stream_, &weights, rope, wire::tensor(x), &crossing, wire::layer(kv),
         wire::tensor(q));
  }

  void attention(const AttentionSpec& spec, Tensor q, const KvShape& shape, KvLayer kv, Tensor out) override {
    const QuernAttentionSpec does{spec.window, spec.slopes.data(), spec.slopes.size(), spec.sinks,
                                  spec.sink_turn};
    const QuernKvShape crossing = wire::shape(shape);
    call(library_.attention, stream_, &does, wire::tensor(q), &crossing, wire::layer(kv), wire::tensor(out));
  }

  void matmul_add(const Weight& weight, Tensor in, Tensor x) override {
    call(library_.matmul_add, stream_, handle(weight), wire::tensor(in), wire::tensor(x));
  }

  void ffn_input(const FfnInputWeights& w, Tensor x, Tensor out) override {
    const QuernFfnInputWeights weights{handle(w.norm), handle(w.gate), handle(w.up), w.norm_eps};
    call(library_.ffn_input, stream_, &weights, wire::tensor(x), wire::tensor(out));
  }

  void final_norm(const Weight& norm, float norm_eps, Tensor x, std::span<const int32_t> chosen,
                  Tensor out) override {
    call(library_.final_norm, stream_, handle(norm), norm_eps, wire::tensor(x), chosen.data(), chosen.size(),
         wire::tensor(out));
  }

  void logits(const Weight& norm, float norm_eps, const Weight& head, Tensor x,
              std::span<const int32_t> chosen, Tensor out) override {
    call(library_.logits, stream_, handle(norm), norm_eps, handle(head), wire::tensor(x), chosen.data(),
         chosen.size(), wire::tensor(out));
  }

  void sample(Tensor logits, std::span<const SampleParams> params) override {
    samples_.clear();
    if (biases_.size() < params.size()) biases_.resize(params.size());
    for (size_t row = 0; row < params.size(); ++row) {
      const SampleParams& one = params[row];
      samples_.push_back({library_sampling(*one.options, biases_[row]), one.tokens.data(), one.tokens.size(),
                          one.prompt_tokens, one.uniform});
    }
    call(library_.sample, stream_, wire::tensor(logits), samples_.data(), samples_.size());
  }

  void score(Tensor logits, std::span<const ScoreParams> params) override {
    scores_.clear();
    for (const ScoreParams& one : params)
      scores_.push_back({one.targets.data(), one.targets.size(), one.top});
    call(library_.score, stream_, wire::tensor(logits), scores_.data(), scores_.size());
  }

  void read_back(Tensor from, float* into) override {
    call(library_.read_back, stream_, wire::tensor(from), into);
  }

  void launch(Ticket step) override { call(library_.launch, stream_, step); }

  bool collect(Ticket step, StepResult& result) override {
    QuernStepResult crossing{};
    call(library_.collect, stream_, step, &crossing);
    result.sampled.clear();
    for (const QuernSampled& one : std::span(crossing.sampled, crossing.sampled_count)) {
      Sampled& sampled = result.sampled.emplace_back();
      sampled.token = one.token;
      if (one.has_logprobs) sampled.logprobs = {one.chosen, likeliest(one.top, one.top_count)};
    }
    result.scored.clear();
    for (const QuernScored& one : std::span(crossing.scored, crossing.scored_count))
      result.scored.push_back(
          {{one.targets, one.targets + one.target_count}, likeliest(one.top, one.top_count)});
    result.seconds = crossing.seconds;
    return crossing.completed != 0;
  }

  int depth() const override { return depth_; }

  void upload(std::span<const Copy> copies) override { copy(library_.upload, copies); }
  void download(std::span<const Copy> copies) override { copy(library_.download, copies); }

 private:
  // A function of the library, with a failure of its as an exception.
  template <typename... Parameters, typename... Arguments>
  static void call(QuernStatus (*function)(Parameters...), Arguments... arguments) {
    wire::checked([&](QuernFailure* failure) { return function(arguments..., failure); });
  }

  using CopyFunction = decltype(QuernLibrary::upload);
  void copy(CopyFunction function, std::span<const Copy> copies) {
    copies_.clear();
    for (const Copy& one : copies) copies_.push_back({one.device, one.host, one.bytes});
    call(function, stream_, copies_.data(), copies_.size());
  }

  const QuernLibrary& library_;
  QuernStream* stream_ = nullptr;
  int32_t depth_ = 0;
  // What a call is made of, kept for its memory.
  std::vector<QuernAngles> ropes_;
  std::vector<QuernSequenceRows> sequences_;
  std::vector<QuernSampleParams> samples_;
  std::vector<std::vector<QuernLogitBias>> biases_;  // [rows of logits]
  std::vector<QuernScoreParams> scores_;
  std::vector<QuernCopy> copies_;
};

}  // namespace

QuernSampling library_sampling(const SamplingOptions& options, std::vector<QuernLogitBias>& biases) {
  biases.clear();
  for (const LogitBias& one : options.logit_bias) biases.push_back({one.token, one.bias});
  return {options.temperature,
          options.top_k,
          options.top_p,
          options.min_p,
          options.typical_p,
          options.top_n_sigma,
          options.repetition_penalty,
          options.frequency_penalty,
          options.presence_penalty,
          options.top_logprobs,
          biases.data(),
          biases.size(),
          reinterpret_cast<const uint8_t*>(options.steps.data()),
          options.steps.size()};
}

std::unique_ptr<Stream> create_library_stream(const QuernLibrary& library, QuernDevice* device,
                                              const StreamLimits& limits) {
  return std::make_unique<LibraryStream>(library, device, limits);
}

}  // namespace quern
