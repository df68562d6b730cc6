// Sampling on the GPU against the CPU's sampler, and against formulas.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "backend/cuda/samplers.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

SamplingOptions filters(float temperature, int32_t top_k, float top_p, float min_p) {
  SamplingOptions options;
  options.temperature = temperature;
  options.top_k = top_k;
  options.top_p = top_p;
  options.min_p = min_p;
  return options;
}

std::vector<float> normal_logits(int vocab, float deviation, Random& random) {
  std::vector<float> logits(static_cast<size_t>(vocab));
  for (float& logit : logits) logit = deviation * random.normal();
  return logits;
}

// Whether the CPU would draw this token, were an edge moved by what float32 weights may be off by.
bool is_near_edge(Samplers& samplers, const std::vector<float>& logits, const SampleParams& params,
                  int32_t token) {
  constexpr double kClose = 1e-5;
  for (const double moved : {-kClose, 0.0, kClose}) {
    SamplingOptions options = *params.options;
    if (options.top_p < 1 && options.top_p > 0) options.top_p += static_cast<float>(moved);
    options.min_p *= 1 + static_cast<float>(moved);
    const std::vector<float> shares =
        samplers.distribution_on_cpu(logits, {&options, params.tokens, params.prompt_tokens});
    double before = 0;
    for (int32_t i = 0; i < token; ++i) before += double{shares[size_t(i)]};
    const double share = double{shares[size_t(token)]};
    if (share > 0 && before - kClose < params.uniform && params.uniform < before + share + kClose)
      return true;
  }
  return false;
}

// Draws with each of `options`, `draws` times each. Gives how many differ from the CPU's by an edge's width.
int compare_draws(Samplers& samplers, const std::vector<float>& logits,
                  const std::vector<SamplingOptions>& options, int draws, Random& random,
                  std::span<const int32_t> tokens = {}, size_t prompt_tokens = 0) {
  std::vector<SampleParams> params;
  for (const SamplingOptions& one : options) {
    for (int i = 0; i < draws; ++i) {
      const double uniform = i == 0 ? 0 : i == 1 ? std::nextafter(1.0, 0.0) : random.unit();
      params.push_back({&one, tokens, prompt_tokens, uniform, false, 0});
    }
  }
  const std::vector<Sampled> got = samplers.sample(logits, params);
  int edges = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const Sampled want = samplers.on_cpu(logits, params[i]);
    if (got[i].token == want.token) continue;
    ++edges;
    const SamplingOptions& of = *params[i].options;
    CHECK_FOR(is_near_edge(samplers, logits, params[i], got[i].token),
              "temperature " + check::shown(of.temperature) + ", top_k " + check::shown(of.top_k) +
                  ", top_p " + check::shown(of.top_p) + ", min_p " + check::shown(of.min_p) + ", draw " +
                  check::shown(params[i].uniform) + " of " + check::shown(logits.size()) + ": " +
                  check::shown(got[i].token) + ", not " + check::shown(want.token));
  }
  return edges;
}

// One of so many combinations.
std::vector<SamplingOptions> many_filters(int one_of, Random& random) {
  std::vector<SamplingOptions> all;
  for (const float temperature : {0.0f, 0.3f, 1.0f, 1.7f})
    for (const int32_t top_k : {0, 1, 5, 50, 1000})
      for (const float top_p : {1.0f, 0.95f, 0.5f, 0.01f, 0.0f})
        for (const float min_p : {0.0f, 0.05f, 1.0f})
          if (random.below(one_of) == 0) all.push_back(filters(temperature, top_k, top_p, min_p));
  return all;
}

TEST(draws_are_those_of_the_cpu) {
  Random random(1);
  int edges = 0;
  for (const int vocab : {1, 2, 31, 384}) {
    Samplers samplers(vocab);
    edges += compare_draws(samplers, normal_logits(vocab, 2.5f, random), many_filters(8, random), 3, random);
  }
  CHECK(edges < 10);
}

TEST(draws_from_a_large_vocabulary) {
  Random random(2);
  int edges = 0;
  for (const int vocab : {5000, 151936}) {
    Samplers samplers(vocab);
    for (const float deviation : {0.5f, 4.0f}) {
      if (vocab > 5000 && deviation < 1) continue;
      const std::vector<SamplingOptions> all = {filters(0, 0, 1, 0),
                                                filters(1, 0, 1, 0),
                                                filters(0.7f, 0, 0.9f, 0),
                                                filters(1, 50, 1, 0),
                                                filters(0.8f, 40, 0.95f, 0.05f),
                                                filters(1, 0, 1, 0.1f),
                                                filters(1.5f, 3000, 0.99f, 0)};
      edges +=
          compare_draws(samplers, normal_logits(vocab, deviation, random), all, vocab > 5000 ? 1 : 4, random);
    }
  }
  CHECK(edges < 3);
}

TEST(what_ties_with_the_last_is_kept) {
  Random random(3);
  for (const int vocab : {6, 700, 5000}) {
    Samplers samplers(vocab);
    std::vector<float> logits = normal_logits(vocab, 2, random), flat(size_t(vocab), 7.0f);
    for (float& logit : logits) logit = std::round(logit);
    const std::vector<SamplingOptions> all = {
        filters(1, 1, 1, 0),    filters(1, 2, 1, 0),      filters(1, 0, 0.1f, 0), filters(0.5f, 0, 1, 1),
        filters(1, 3, 0.5f, 0), filters(1, 0, 0.999f, 0), filters(0, 0, 1, 0)};
    CHECK_EQ(compare_draws(samplers, logits, all, 3, random), 0);
    CHECK_EQ(compare_draws(samplers, flat, all, 3, random), 0);
  }
}

TEST(nothing_that_is_minus_infinity_is_drawn) {
  Random random(4);
  for (const int vocab : {2, 300}) {
    Samplers samplers(vocab);
    std::vector<float> logits = normal_logits(vocab, 1, random);
    for (size_t i = 0; i + 1 < logits.size(); ++i)
      if (i % 3 != 1) logits[i] = -kInfinity;
    const std::vector<SamplingOptions> all = {filters(0, 0, 1, 0), filters(1, 0, 1, 0), filters(1, 200, 1, 0),
                                              filters(1, 0, 0.9f, 0), filters(1, 299, 0.9999f, 0)};
    compare_draws(samplers, logits, all, 6, random);
  }
}

// What the next step of the sequence begins with is a token all the same.
TEST(logits_without_a_number_give_no_token) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const int vocab : {2, 300, 5000}) {
    Samplers samplers(vocab);
    std::vector<float> infinite(size_t(vocab), 1.0f), one(size_t(vocab), kNan);
    infinite[1] = kInfinity;
    one[1] = -4;
    std::vector<SamplingOptions> all = {filters(0, 0, 1, 0), filters(1, 0, 1, 0), filters(1, 50, 0.9f, 0),
                                        filters(1e-40f, 0, 0.9f, 0.1f)};
    for (size_t i = 0; i < 4; ++i) {
      all.push_back(all[i]);
      all.back().top_logprobs = static_cast<int32_t>(i);
      all.back().logit_bias = {{1, 1}};
    }
    std::vector<SampleParams> params;
    for (const SamplingOptions& options : all) params.push_back({&options, {}, 0, 0.5, false, 3.5f});
    for (const std::vector<float>& logits :
         {std::vector<float>(size_t(vocab), kNan), std::vector<float>(size_t(vocab), -kInfinity), infinite}) {
      for (const Sampled& sampled : samplers.sample(logits, params)) {
        CHECK_EQ(sampled.token, -1);
        CHECK_EQ(sampled.mu, 3.5f);
        CHECK(!sampled.logprobs);
      }
      for (const Sampled& sampled : samplers.sample(one, params)) CHECK_EQ(sampled.token, 1);
    }
  }
}

TEST(a_tiny_temperature_takes_the_likeliest) {
  Samplers samplers(300);
  Random random(14);
  std::vector<float> logits = normal_logits(300, 1, random);
  logits[141] = 9;
  const SamplingOptions tiny = filters(1e-40f, 0, 1, 0);
  CHECK_EQ(samplers.sample(logits, {&tiny, {}, 0, 0.9, false, 0}).token, 141);
}

TEST(the_likeliest_is_the_first_of_the_largest) {
  Samplers samplers(1000);
  Random random(5);
  std::vector<float> logits = normal_logits(1000, 1, random);
  logits[641] = logits[900] = logits[642] = logits[130] = 9;
  const SamplingOptions greedy = filters(0, 5, 0.5f, 0.1f);
  const SampleParams params{&greedy, {}, 0, 0.9, false, 3.5f};
  const Sampled got = samplers.sample(logits, params);
  CHECK_EQ(got.token, 130);
  CHECK_EQ(got.mu, 3.5f);
  CHECK(!got.logprobs);
}

TEST(penalties_and_biases_come_first) {
  Random random(6);
  for (const int vocab : {31, 5000}) {
    Samplers samplers(vocab);
    const std::vector<float> logits = normal_logits(vocab, 2, random);
    std::vector<int32_t> tokens;
    for (int i = 0; i < 3 * vocab / 2; ++i) tokens.push_back(random.below(vocab));
    std::vector<SamplingOptions> all;
    for (const float temperature : {0.0f, 1.0f}) {
      for (int which = 1; which < 16; ++which) {
        SamplingOptions& options = all.emplace_back(filters(temperature, which % 3 == 0 ? 20 : 0, 1, 0));
        if (which & 1) options.repetition_penalty = 1.3f;
        if (which & 2) options.frequency_penalty = 0.4f;
        if (which & 4) options.presence_penalty = -0.9f;
        if (which & 8) options.logit_bias = {{5, 2.5f}, {0, -kInfinity}, {vocab - 1, 1}, {5, 0.5f}, {17, -1}};
        options.top_logprobs = which % 4 == 1 ? 3 : -1;
      }
    }
    CHECK(compare_draws(samplers, logits, all, 3, random, tokens, tokens.size() / 3) < 4);
  }
}

TEST(a_token_that_is_banned_is_never_drawn) {
  Samplers samplers(384);
  Random random(7);
  std::vector<float> logits = normal_logits(384, 1, random);
  SamplingOptions all_but_one = filters(1, 0, 1, 0);
  for (int token = 0; token < 384; ++token)
    if (token != 200) all_but_one.logit_bias.push_back({token, -kInfinity});
  for (const double uniform : {0.0, 0.5, 0.999})
    CHECK_EQ(samplers.sample(logits, SampleParams{&all_but_one, {}, 0, uniform, false, 0}).token, 200);
}

// ---- log-probabilities

void check_top(const std::vector<TokenLogprob>& got, const std::vector<float>& logits, size_t count) {
  std::vector<int32_t> order;
  double mass = 0;
  const float largest = *std::max_element(logits.begin(), logits.end());
  for (size_t i = 0; i < logits.size(); ++i) {
    mass += std::exp(double{logits[i]} - double{largest});
    if (logits[i] > -kInfinity) order.push_back(int32_t(i));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return logits[size_t(a)] > logits[size_t(b)]; });
  CHECK_EQ(got.size(), std::min(count, order.size()));
  for (size_t i = 0; i < got.size(); ++i) {
    CHECK_EQ(got[i].token, order[i]);
    CHECK_NEAR(got[i].logprob, double{logits[size_t(order[i])]} - double{largest} - std::log(mass), 2e-6, 0);
  }
}

TEST(logprobs_are_of_the_raw_logits) {
  Random random(8);
  for (const int vocab : {1, 31, 384, 5000}) {
    Samplers samplers(vocab);
    std::vector<float> logits = normal_logits(vocab, 3, random);
    for (size_t i = 0; i < logits.size(); i += 7) logits[i] = std::round(logits[i]);  // ties
    if (vocab == 31)
      for (size_t i = 0; i < 20; ++i) logits[i] = -kInfinity;
    const std::vector<int32_t> tokens = {0, vocab - 1, vocab / 2, vocab / 3};
    for (const int top : {0, 1, 20, 128}) {
      for (const float temperature : {0.0f, 0.8f}) {
        SamplingOptions options = filters(temperature, 10, 1, 0);
        options.repetition_penalty = 1.5f;
        options.logit_bias = {{vocab / 2, 3}};
        options.top_logprobs = top;
        const SampleParams params{&options, tokens, 2, 0.6, false, 0};
        const Sampled got = samplers.sample(logits, params), want = samplers.on_cpu(logits, params);
        CHECK_EQ(got.token, want.token);
        CHECK(got.logprobs.has_value());
        if (!got.logprobs) continue;
        CHECK_NEAR(got.logprobs->chosen, want.logprobs->chosen, 1e-6, 1e-6);
        check_top(got.logprobs->top, logits, size_t(top));
      }
    }
  }
}

TEST(scores_are_those_of_the_cpu) {
  Random random(9);
  for (const int vocab : {1, 384, 5000}) {
    Samplers samplers(vocab);
    const std::vector<float> logits = normal_logits(vocab, 3, random);
    std::vector<int32_t> all(static_cast<size_t>(vocab)), one = {vocab - 1};
    for (int token = 0; token < vocab; ++token) all[size_t(token)] = token;
    const ScoreParams params[] = {{all, 0}, {{}, 5}, {one, 3}, {one, 0}};
    const std::vector<Scored> got = samplers.score(logits, params);
    for (size_t i = 0; i < got.size(); ++i) {
      const Scored want = samplers.score_on_cpu(logits, params[i]);
      CHECK_EQ(got[i].targets.size(), want.targets.size());
      for (size_t j = 0; j < got[i].targets.size(); ++j)
        CHECK_NEAR(got[i].targets[j], want.targets[j], 1e-6, 1e-6);
      check_top(got[i].top, logits, size_t(params[i].top));
    }
  }
}

// ---- a step

TEST(calls_of_a_step_and_steps_in_flight_do_not_mix) {
  constexpr int kVocab = 300;
  Samplers samplers(kVocab);
  Random random(10);
  const std::vector<float> logits = normal_logits(3 * kVocab, 2, random);
  const auto row = [&](int index) {
    return std::vector<float>(logits.begin() + index * kVocab, logits.begin() + (index + 1) * kVocab);
  };
  SamplingOptions plain = filters(0.9f, 0, 1, 0), penalised = filters(1, 7, 1, 0);
  penalised.frequency_penalty = 3;
  penalised.top_logprobs = 2;
  const std::vector<int32_t> tokens = {1, 2, 1, 77}, targets = {4, 250};
  const SampleParams first[] = {{&plain, {}, 0, 0.4, false, 0}, {&penalised, tokens, 1, 0.7, false, 0}};
  const SampleParams second[] = {{&penalised, tokens, 0, 0.1, false, 0}};
  const ScoreParams scored[] = {{targets, 1}};

  struct Step {
    std::vector<Sampled> sampled;
    std::vector<Scored> scored;
  } results[2];
  std::vector<DeviceArray<float>> rows;
  std::vector<cuda::SampleRows> ops[2];
  for (int i : {0, 1}) {
    cuda::StagedSampling& step = samplers.step(i);
    samplers.sampler().begin(step);
    const auto put = [&](int from, int count) {
      return rows.emplace_back(std::span(logits).subspan(size_t(from * kVocab), size_t(count * kVocab)))
          .data();
    };
    ops[i] = {samplers.sampler().sample(step, put(0, 2), first),
              samplers.sampler().score(step, put(1, 1), scored),
              samplers.sampler().sample(step, put(2, 1), second)};
  }
  for (int i : {0, 1}) {  // both are launched before one is collected
    samplers.sampler().upload(samplers.step(i), nullptr);
    for (const cuda::SampleRows& op : ops[i]) cuda::sample_rows(op, nullptr);
    samplers.sampler().read_back(samplers.step(i), nullptr);
  }
  must(cudaDeviceSynchronize());
  for (int i : {0, 1}) {
    auto& [sampled, scores] = results[i];
    samplers.sampler().collect(samplers.step(i), sampled, scores);
    CHECK_EQ(sampled.size(), size_t{3});
    CHECK_EQ(scores.size(), size_t{1});
    CHECK_EQ(sampled[0].token, samplers.on_cpu(row(0), first[0]).token);
    CHECK_EQ(sampled[1].token, samplers.on_cpu(row(1), first[1]).token);
    CHECK_EQ(sampled[2].token, samplers.on_cpu(row(2), second[0]).token);
    CHECK(!sampled[0].logprobs && sampled[1].logprobs && sampled[2].logprobs);
    check_top(sampled[1].logprobs->top, row(1), 2);
    check_top(sampled[2].logprobs->top, row(2), 2);
    CHECK_NEAR(scores[0].targets[1], samplers.score_on_cpu(row(1), scored[0]).targets[1], 1e-6, 1e-6);
  }
  CHECK(ops[0][2].wanted == ops[1][2].wanted);  // the same addresses: a recorded graph goes on
}

TEST(a_row_draws_alike_alone_and_among_others) {
  constexpr int kVocab = 5000;
  Samplers samplers(kVocab);
  Random random(11);
  const std::vector<float> logits = normal_logits(kVocab, 1, random);
  const std::vector<SamplingOptions> all = {filters(1, 0, 0.9f, 0), filters(1, 100, 0.9f, 0),
                                            filters(0.5f, 0, 1, 0)};
  std::vector<SampleParams> params;
  for (const SamplingOptions& one : all)
    for (int i = 0; i < 5; ++i) params.push_back({&one, {}, 0, random.unit(), false, 0});
  const std::vector<Sampled> together = samplers.sample(logits, params);
  for (size_t i = 0; i < params.size(); ++i)
    CHECK_EQ(samplers.sample(logits, params[i]).token, together[i].token);
}

TEST(what_is_not_known_is_left_to_the_host) {
  using cuda::DeviceSampler;
  const auto known = [](auto change) {
    SamplingOptions options = filters(0.7f, 40, 0.9f, 0.05f);
    change(options);
    return DeviceSampler::knows(options);
  };
  CHECK(known([](SamplingOptions&) {}));
  CHECK(known([](SamplingOptions& o) {
    o.repetition_penalty = 1.1f, o.logit_bias = {{1, 1}}, o.top_logprobs = 5;
  }));
  CHECK(!known([](SamplingOptions& o) { o.typical_p = 0.9f; }));
  CHECK(!known([](SamplingOptions& o) { o.top_n_sigma = 1; }));
  CHECK(!known([](SamplingOptions& o) { o.dry.multiplier = 1; }));
  CHECK(!known([](SamplingOptions& o) { o.xtc_probability = 0.5f; }));
  CHECK(!known([](SamplingOptions& o) { o.mirostat.version = 2; }));
  CHECK(!known([](SamplingOptions& o) { o.steps = {SamplingStep::top_k, SamplingStep::temperature}; }));
  CHECK(!known([](SamplingOptions& o) { o.steps = {SamplingStep::top_k, SamplingStep::top_k}; }));
  // Steps that are left out are no trouble.
  CHECK(known([](SamplingOptions& o) {
    o.typical_p = 0.9f, o.steps = {SamplingStep::temperature, SamplingStep::top_p};
  }));
}

TEST(steps_that_are_left_out_do_nothing) {
  Samplers samplers(384);
  Random random(12);
  SamplingOptions options = filters(0.2f, 1, 0.1f, 0.5f);
  options.repetition_penalty = 5;
  options.steps = {SamplingStep::frequency_penalty, SamplingStep::top_k};
  options.top_k = 30;
  options.frequency_penalty = 0.5f;
  const std::vector<int32_t> tokens = {1, 5, 9, 5};
  CHECK_EQ(compare_draws(samplers, normal_logits(384, 1, random), {options}, 12, random, tokens, 1), 0);
}

}  // namespace
}  // namespace quern::test
