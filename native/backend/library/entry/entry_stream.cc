#include "backend/library/entry/entry_stream.h"

#include "backend/library/entry/gate.h"
#include "backend/library/wire.h"

namespace quern {

namespace {

EntryStream& of(QuernStream* stream) {
  return *reinterpret_cast<EntryStream*>(stream);
}
const Weight& of(const QuernWeight* weight) {
  return *reinterpret_cast<const Weight*>(weight);
}
const Weight* maybe(const QuernWeight* weight) {
  return reinterpret_cast<const Weight*>(weight);
}

QuernStatus begin(QuernStream* stream, const QuernStepInput* input, uint64_t* step, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    std::vector<Angles>& ropes = of(stream).ropes;
    ropes.clear();
    for (const QuernAngles& angles : std::span(input->ropes, input->rope_count))
      ropes.push_back({angles.cos, angles.sin, angles.dim});
    std::vector<SequenceRows>& sequences = of(stream).sequences;
    sequences.clear();
    for (const QuernSequenceRows& rows : std::span(input->sequences, input->sequence_count))
      sequences.push_back({rows.first_row, rows.rows, rows.first_position, {rows.pages, rows.groups}});
    const std::span tokens(input->tokens, static_cast<size_t>(input->rows));
    *step = of(stream).stream->begin({tokens, ropes, sequences, wire::flag(input->abort)});
  });
}

QuernStatus embed(QuernStream* stream, const QuernWeight* table, QuernTensor x, QuernFailure* failure) {
  return gate::pass(failure, [&] { of(stream).stream->embed(of(table), wire::tensor(x)); });
}

QuernStatus attention_input(QuernStream* stream, const QuernAttentionInputWeights* w, int32_t rope,
                            QuernTensor x, const QuernKvShape* shape, QuernKvLayer kv, QuernTensor q,
                            QuernFailure* failure) {
  return gate::pass(failure, [&] {
    const AttentionInputWeights weights{maybe(w->norm),
                                        {maybe(w->q), maybe(w->q_bias)},
                                        {maybe(w->k), maybe(w->k_bias)},
                                        {maybe(w->v), maybe(w->v_bias)},
                                        maybe(w->q_norm),
                                        maybe(w->k_norm),
                                        w->norm_eps};
    of(stream).stream->attention_input(weights, rope, wire::tensor(x), wire::shape(*shape), wire::layer(kv),
                                       wire::tensor(q));
  });
}

QuernStatus attention(QuernStream* stream, const QuernAttentionSpec* spec, QuernTensor q,
                      const QuernKvShape* shape, QuernKvLayer kv, QuernTensor out, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    of(stream).stream->attention(
        {spec->window, {spec->slopes, spec->slope_count}, spec->sinks, spec->sink_turn}, wire::tensor(q),
        wire::shape(*shape), wire::layer(kv), wire::tensor(out));
  });
}

QuernStatus matmul_add(QuernStream* stream, const QuernWeight* weight, QuernTensor in, QuernTensor x,
                       QuernFailure* failure) {
  return gate::pass(failure,
                    [&] { of(stream).stream->matmul_add(of(weight), wire::tensor(in), wire::tensor(x)); });
}

QuernStatus ffn_input(QuernStream* stream, const QuernFfnInputWeights* w, QuernTensor x, QuernTensor out,
                      QuernFailure* failure) {
  return gate::pass(failure, [&] {
    const FfnInputWeights weights{maybe(w->norm), maybe(w->gate), maybe(w->up), w->norm_eps};
    of(stream).stream->ffn_input(weights, wire::tensor(x), wire::tensor(out));
  });
}

QuernStatus final_norm(QuernStream* stream, const QuernWeight* norm, float norm_eps, QuernTensor x,
                       const int32_t* chosen, size_t chosen_count, QuernTensor out, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    of(stream).stream->final_norm(of(norm), norm_eps, wire::tensor(x), {chosen, chosen_count},
                                  wire::tensor(out));
  });
}

QuernStatus logits(QuernStream* stream, const QuernWeight* norm, float norm_eps, const QuernWeight* head,
                   QuernTensor x, const int32_t* chosen, size_t chosen_count, QuernTensor out,
                   QuernFailure* failure) {
  return gate::pass(failure, [&] {
    of(stream).stream->logits(of(norm), norm_eps, of(head), wire::tensor(x), {chosen, chosen_count},
                              wire::tensor(out));
  });
}

QuernStatus sample(QuernStream* stream, QuernTensor logits, const QuernSampleParams* params, size_t count,
                   QuernFailure* failure) {
  return gate::pass(failure, [&] {
    EntryStream& entry = of(stream);
    entry.options.clear();
    entry.samples.clear();
    entry.options.reserve(count);  // they are pointed to
    for (const QuernSampleParams& one : std::span(params, count)) {
      entry.options.push_back(sampling_options(one.options));
      SampleParams& sample = entry.samples.emplace_back();
      sample.options = &entry.options.back();
      sample.tokens = {one.tokens, one.token_count};
      sample.prompt_tokens = one.prompt_tokens;
      sample.uniform = one.uniform;
    }
    entry.stream->sample(wire::tensor(logits), entry.samples);
  });
}

QuernStatus score(QuernStream* stream, QuernTensor logits, const QuernScoreParams* params, size_t count,
                  QuernFailure* failure) {
  return gate::pass(failure, [&] {
    EntryStream& entry = of(stream);
    entry.scores.clear();
    for (const QuernScoreParams& one : std::span(params, count))
      entry.scores.push_back({{one.targets, one.target_count}, one.top});
    entry.stream->score(wire::tensor(logits), entry.scores);
  });
}

QuernStatus read_back(QuernStream* stream, QuernTensor from, float* into, QuernFailure* failure) {
  return gate::pass(failure, [&] { of(stream).stream->read_back(wire::tensor(from), into); });
}

QuernStatus launch(QuernStream* stream, uint64_t step, QuernFailure* failure) {
  return gate::pass(failure, [&] { of(stream).stream->launch(step); });
}

// Where the likeliest of one row will lie once all are there.
const QuernTokenLogprob* keep(EntryStream& entry, const std::vector<TokenLogprob>& top) {
  const QuernTokenLogprob* const first = entry.likeliest.data() + entry.likeliest.size();
  for (const TokenLogprob& one : top) entry.likeliest.push_back({one.logprob, one.token});
  return first;
}

void give(EntryStream& entry, QuernStepResult& result) {
  entry.sampled.clear();
  entry.scored.clear();
  entry.likeliest.clear();
  size_t likeliest = 0;
  for (const Sampled& one : entry.result.sampled) likeliest += one.logprobs ? one.logprobs->top.size() : 0;
  for (const Scored& one : entry.result.scored) likeliest += one.top.size();
  entry.likeliest.reserve(likeliest);  // they are pointed to
  for (const Sampled& one : entry.result.sampled) {
    QuernSampled& sampled = entry.sampled.emplace_back(QuernSampled{one.token, 0, 0, nullptr, 0});
    if (!one.logprobs) continue;
    const std::vector<TokenLogprob>& top = one.logprobs->top;
    sampled = {one.token, 1, one.logprobs->chosen, keep(entry, top), top.size()};
  }
  for (const Scored& one : entry.result.scored)
    entry.scored.push_back({one.targets.data(), one.targets.size(), keep(entry, one.top), one.top.size()});
  result.sampled = entry.sampled.data();
  result.sampled_count = entry.sampled.size();
  result.scored = entry.scored.data();
  result.scored_count = entry.scored.size();
  result.seconds = entry.result.seconds;
}

QuernStatus collect(QuernStream* stream, uint64_t step, QuernStepResult* result, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    EntryStream& entry = of(stream);
    const bool completed = entry.stream->collect(step, entry.result);
    give(entry, *result);
    result->completed = completed;
  });
}

std::span<const Copy> copies(EntryStream& entry, const QuernCopy* from, size_t count) {
  entry.copies.clear();
  for (const QuernCopy& one : std::span(from, count))
    entry.copies.push_back({one.device, one.host, one.bytes});
  return entry.copies;
}

QuernStatus upload(QuernStream* stream, const QuernCopy* from, size_t count, QuernFailure* failure) {
  return gate::pass(failure, [&] { of(stream).stream->upload(copies(of(stream), from, count)); });
}

QuernStatus download(QuernStream* stream, const QuernCopy* from, size_t count, QuernFailure* failure) {
  return gate::pass(failure, [&] { of(stream).stream->download(copies(of(stream), from, count)); });
}

}  // namespace

SamplingOptions sampling_options(const QuernSampling& from) {
  SamplingOptions options;
  options.temperature = from.temperature;
  options.top_k = from.top_k;
  options.top_p = from.top_p;
  options.min_p = from.min_p;
  options.typical_p = from.typical_p;
  options.top_n_sigma = from.top_n_sigma;
  options.repetition_penalty = from.repetition_penalty;
  options.frequency_penalty = from.frequency_penalty;
  options.presence_penalty = from.presence_penalty;
  options.top_logprobs = from.top_logprobs;
  for (const QuernLogitBias& one : std::span(from.logit_bias, from.logit_bias_count))
    options.logit_bias.push_back({one.token, one.bias});
  for (const uint8_t step : std::span(from.steps, from.step_count))
    options.steps.push_back(static_cast<SamplingStep>(step));
  return options;
}

void export_streams(QuernLibrary& library) {
  library.begin = begin;
  library.embed = embed;
  library.attention_input = attention_input;
  library.attention = attention;
  library.matmul_add = matmul_add;
  library.ffn_input = ffn_input;
  library.final_norm = final_norm;
  library.logits = logits;
  library.sample = sample;
  library.score = score;
  library.read_back = read_back;
  library.launch = launch;
  library.collect = collect;
  library.upload = upload;
  library.download = download;
}

}  // namespace quern
