#include "engine/tasks/generate.h"

#include <algorithm>

#include "core/error.h"
#include "engine/sequence.h"

namespace quern {

Generate::Generate(GenerateOptions options)
    : options_(std::move(options)), sampler_(options_.sampling, options_.seed) {
  if (options_.tokenizer)
    text_.emplace(options_.tokenizer, !options_.keep_special_tokens, options_.stop_strings);
  if (options_.prompt_logprobs >= 0) prompt_scores_.emplace(1, options_.prompt_logprobs);
}

void Generate::prepare(std::span<const int32_t> prompt, const DecoderConfig& config, const Device& device) {
  if (text_) text_->follow(prompt);
  for (const LogitBias& bias : options_.sampling.logit_bias) check_token("logitBias: ", bias.token, config);
  is_host_sampled_ = !device.samples(options_.sampling);
}

void Generate::want(const ScheduledRows& part, Wants& wants) {
  const Sequence& sequence = *part.sequence;
  const auto prompt_tokens = static_cast<size_t>(sequence.prompt_tokens);
  if (prompt_scores_) prompt_scores_->want(part, std::span(sequence.tokens).first(prompt_tokens), wants);
  if (!part.reaches_end) return;
  const int32_t row = part.row + part.rows - 1, index = part.end() - sequence.prompt_tokens;
  (is_host_sampled_ ? wants.host_sampled : wants.sampled).push_back(row);
  (is_host_sampled_ ? wants.host_samples : wants.samples)
      .push_back(sampler_.next(sequence.tokens, prompt_tokens, index));
}

std::optional<Task::Ending> Generate::take(const ScheduledRows& part, Given& given, Rows& out) {
  Sequence& sequence = *part.sequence;
  if (prompt_scores_) {
    const auto prompt_tokens = static_cast<size_t>(sequence.prompt_tokens);
    if (auto failure = prompt_scores_->take(part, std::span(sequence.tokens).first(prompt_tokens), given))
      return std::move(*failure);
  }
  if (!part.reaches_end) return std::nullopt;
  if (sequence.generated() == 0) {
    Begin begin{sequence.cached, std::nullopt};
    if (prompt_scores_) begin.prompt = std::move(prompt_scores_->columns());
    out.answers.push_back({sequence.id, std::move(begin)});
  }
  return accept(sequence, is_host_sampled_ ? given.next_host_sampled() : given.next_sampled(), out);
}

std::optional<Task::Ending> Generate::accept(Sequence& sequence, Sampled& sampled, Rows& out) {
  const int32_t token = sampled.token;
  --sequence.drawn;
  if (token == kNoToken) return not_finite("finite scores for the next token", sequence.tokens.size());
  sampler_.drawn(sampled);
  sequence.tokens.push_back(token);
  sequence.unread.fetch_add(1);
  bool stops = std::ranges::find(options_.stop_tokens, token) != options_.stop_tokens.end();
  const bool is_full = static_cast<int32_t>(sequence.tokens.size()) >= sequence.most_length;
  if (text_ && !stops) stops = text_->push(token, out.text);
  if (text_ && (stops || is_full) && text_->end(out.text)) stops = true;
  out.add_token(sequence.id, token, sampled.logprobs ? &*sampled.logprobs : nullptr);
  if (!stops && !is_full) return std::nullopt;
  return End{stops, text_ ? text_->stop_string() : -1, {}};
}

}  // namespace quern
