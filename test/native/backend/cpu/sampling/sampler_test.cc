#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "backend/cpu/cpu_device.h"
#include "backend/cpu/isa.h"
#include "check.h"
#include "linear.h"
#include "numbers.h"

namespace quern::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity(),
                kNan = std::numeric_limits<float>::quiet_NaN();

const std::atomic<bool> kNever{false};

// The common filters, and a draw.
struct Filters {
  float temperature = 0;
  int32_t top_k = 0;
  float top_p = 1;
  float min_p = 0;
  double uniform = 0;
};

SamplingOptions options_of(const Filters& filters) {
  SamplingOptions options;
  options.temperature = filters.temperature;
  options.top_k = filters.top_k;
  options.top_p = filters.top_p;
  options.min_p = filters.min_p;
  return options;
}

// One token for each row of `rows` [filters.size(), vocab].
std::vector<int32_t> sample_rows(Stream& stream, std::vector<float> rows,
                                 const std::vector<Filters>& filters) {
  std::vector<SamplingOptions> options;
  for (const Filters& one : filters) options.push_back(options_of(one));
  std::vector<SampleParams> params(filters.size());
  for (size_t i = 0; i < params.size(); ++i) {
    params[i].options = &options[i];
    params[i].uniform = filters[i].uniform;
  }
  const auto count = static_cast<int64_t>(params.size());
  StepInput nothing;
  nothing.abort = &kNever;
  const Ticket step = stream.begin(nothing);
  stream.sample({rows.data(), Dtype::f32, count, static_cast<int64_t>(rows.size()) / count}, params);
  stream.launch(step);
  StepResult result;
  CHECK(stream.collect(step, result));
  std::vector<int32_t> tokens;
  for (const Sampled& one : result.sampled) tokens.push_back(one.token);
  return tokens;
}

std::unique_ptr<Stream> make_stream(const std::string& isa, int vocab, int threads = 1) {
  return create_cpu_device({threads, isa})->create_stream({64, 64, 16, 1, 1, 16, 16, vocab, 64});
}

// The token of every draw, a row of equal logits for each.
std::vector<int32_t> sample(Stream& stream, const std::vector<float>& logits, Filters params,
                            const std::vector<double>& draws) {
  std::vector<float> rows;
  std::vector<Filters> all;
  for (const double draw : draws) {
    rows.insert(rows.end(), logits.begin(), logits.end());
    params.uniform = draw;
    all.push_back(params);
  }
  return sample_rows(stream, std::move(rows), all);
}
int32_t sample(Stream& stream, const std::vector<float>& logits, Filters params) {
  return sample(stream, logits, params, {params.uniform})[0];
}

constexpr double kClose = 1e-5;  // far more than float32 weights are off by

// Probabilities in float64, from sorted weights; empty if a filter's edge is too close to call in float32.
std::vector<double> probabilities(const std::vector<float>& logits, const Filters& params) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> weights;
  for (const float logit : logits)
    weights.push_back(std::exp((double{logit} - largest) / double{params.temperature}));
  auto sorted = weights;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double floor = 0;
  if (params.top_k > 0 && params.top_k < static_cast<int>(sorted.size()))
    floor = sorted[static_cast<size_t>(params.top_k - 1)];
  double total = 0;
  for (const double weight : sorted) total += weight >= floor ? weight : 0;
  if (params.top_p < 1) {
    const double needed = double{params.top_p} * total;
    double mass = 0;
    for (const double weight : sorted) {  // the largest stays whatever top_p is
      mass += weight;
      if (params.top_p > 0 && std::abs(mass - needed) < kClose * total) return {};
      if (mass >= needed) {
        floor = std::max(floor, weight);
        break;
      }
    }
  }
  for (const double weight : sorted)
    if (weight < 1 && std::abs(weight - double{params.min_p}) < kClose * weight) return {};
  floor = std::max(floor, double{params.min_p});
  total = 0;
  for (double& weight : weights) total += weight = weight >= floor ? weight : 0;
  for (double& weight : weights) weight /= total;
  return weights;
}

// Sweeps the draw over [0, 1): the tokens must change exactly where the cumulative distribution does.
void check_distribution(Stream& stream, const std::vector<float>& logits, const Filters& params,
                        int* compared) {
  const auto wanted = probabilities(logits, params);
  if (wanted.empty()) return;
  std::vector<double> draws;
  std::vector<int32_t> tokens;
  double cumulative = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] > 4 * kClose) {  // just inside both ends of the token's share, and its middle
      for (const double draw :
           {cumulative + kClose, cumulative + wanted[i] / 2, cumulative + wanted[i] - kClose}) {
        draws.push_back(draw);
        tokens.push_back(static_cast<int32_t>(i));
      }
    }
    cumulative += wanted[i];
  }
  const auto got = sample(stream, logits, params, draws);
  for (size_t i = 0; i < got.size(); ++i) CHECK_EQ(got[i], tokens[i]);
  // At the ends of the range only what may be chosen at all.
  for (const double draw : {0.0, std::nextafter(1.0, 0.0)}) {
    const auto token = static_cast<size_t>(sample(stream, logits, params, {draw})[0]);
    CHECK(token < wanted.size() && wanted[token] > 0);
  }
  ++*compared;
}

TEST(distributions_against_float64) {
  int compared = 0, tried = 0;
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    for (const int vocab : {1, 2, 5, 37, 300}) {
      const auto stream = make_stream(kernels->name, vocab);
      Random random(static_cast<uint64_t>(vocab));
      for (int round = 0; round < 8; ++round) {
        std::vector<float> logits(static_cast<size_t>(vocab));
        for (float& logit : logits) logit = 2.5f * random.normal();
        for (const float temperature : {0.3f, 1.0f, 1.7f}) {
          for (const int32_t top_k : {0, 1, 4, 50, 1000}) {
            for (const float top_p : {1.0f, 0.95f, 0.5f, 0.01f, 0.0f}) {
              for (const float min_p : {0.0f, 0.05f, 1.0f}) {
                if (min_p == 1 && round > 0) continue;
                ++tried;
                check_distribution(*stream, logits, {temperature, top_k, top_p, min_p, 0}, &compared);
              }
            }
          }
        }
      }
    }
  }
  CHECK(compared > tried * 6 / 10);  // few are too close to call
}

TEST(greedy_takes_the_first_of_the_largest) {
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    const auto stream = make_stream(kernels->name, 100);
    Random random(4);
    auto logits = random.reals(100, 3);
    logits[41] = logits[97] = logits[63] = 4;
    CHECK_EQ(sample(*stream, logits, {}), 41);
    CHECK_EQ(sample(*stream, logits, {0, 5, 0.5f, 0.1f, 0.99}), 41);
    CHECK_EQ(sample(*stream, std::vector<float>(100, -2.0f), {}), 0);
  }
}

// Tokens that tie with the last one that a filter keeps are kept as well.
TEST(ties) {
  const std::vector<float> logits{0, 1, 1, 1, 0, -1};
  const auto stream = make_stream("auto", 6);
  const std::vector<double> draws{0, 0.1, 0.3, 0.4, 0.6, 0.7, 0.999};
  const std::vector<int32_t> the_ones{1, 1, 1, 2, 2, 3, 3};
  CHECK(sample(*stream, logits, {1, 1, 1, 0, 0}, draws) == the_ones);
  CHECK(sample(*stream, logits, {1, 2, 1, 0, 0}, draws) == the_ones);
  CHECK(sample(*stream, logits, {1, 0, 0.1f, 0, 0}, draws) == the_ones);
  CHECK(sample(*stream, logits, {1, 0, 1, 1, 0}, draws) == the_ones);
  const std::vector<float> flat(6, 7.0f);  // every token the same
  for (const Filters& params : {Filters{1, 0, 1, 0, 0.5}, Filters{1, 3, 0.5f, 0.5f, 0.5}})
    CHECK_EQ(sample(*stream, flat, params), 3);
}

// A weight of exactly a half: then sums are exact, and what reaches the share exactly is enough.
float logit_of_a_half(const cpu::Kernels& kernels) {
  float logit = std::log(0.5f);
  for (int i = 0; i < 64; ++i) logit = std::nextafter(logit, 0.0f);
  for (int i = 0; i < 128; ++i, logit = std::nextafter(logit, -1.0f)) {
    float weight = 0;
    kernels.softmax_weights({&logit, &weight, 1, 0, 1});
    if (weight == 0.5f) return logit;
  }
  check::fail(__FILE__, __LINE__, std::string("no logit has the weight 0.5 with ") + kernels.name);
  return logit;
}

TEST(a_share_that_is_reached_exactly_is_enough) {
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    const float half = logit_of_a_half(*kernels);
    const auto stream = make_stream(kernels->name, 4);
    CHECK_EQ(sample(*stream, {half, 0, half, -kInfinity}, {1, 0, 0.5f, 0, 0.999}), 1);
    CHECK_EQ(sample(*stream, {half, 0, half, -kInfinity}, {1, 0, 0.51f, 0, 0.999}), 2);
  }
}

// Whatever a broken model gives, the result is a token that has a logit, or none where the largest is no
// number to go by.
TEST(infinite_and_missing_logits) {
  const std::vector<float> specials{kNan, kInfinity, -kInfinity, 0, 3e38f, -3e38f, 1e-40f};
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    const auto stream = make_stream(kernels->name, 40);
    Random random(6);
    for (int round = 0; round < 3000; ++round) {
      std::vector<float> logits(40);
      const int kinds = random.between(1, static_cast<int>(specials.size()));
      for (float& logit : logits)
        logit = random.below(2) == 0 ? random.normal() : specials[static_cast<size_t>(random.below(kinds))];
      const float temperatures[] = {0, 1e-40f, 1e-30f, 1e-3f, 1, 1e30f};
      const Filters params{temperatures[random.below(6)], random.below(50), random.below(2) == 0 ? 1 : 0.9f,
                           random.below(2) == 0 ? 0 : 0.1f, random.unit()};
      float largest = -kInfinity;
      for (const float logit : logits)
        if (logit > largest) largest = logit;
      const int32_t token = sample(*stream, logits, params);
      if (!std::isfinite(largest)) {
        CHECK_EQ(token, -1);
        continue;
      }
      CHECK(token >= 0 && token < 40);
      CHECK(std::isfinite(logits[static_cast<size_t>(token)]));
      if (params.temperature < 1e-20f) CHECK_EQ(logits[static_cast<size_t>(token)], largest);
    }
  }
}

TEST(a_row_without_numbers_has_no_token_and_the_others_have_theirs) {
  constexpr int kVocab = 300;
  const auto row_of = [](float logit) { return std::vector<float>(kVocab, logit); };
  std::vector<float> good(kVocab, 1), infinite(kVocab, 1);
  good[77] = 40;
  infinite[5] = kInfinity;
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    const auto stream = make_stream(kernels->name, kVocab);
    for (const Filters& filters :
         {Filters{}, Filters{1, 0, 1, 0, 0.5}, Filters{0.7f, 20, 0.9f, 0.05f, 0.3}}) {
      std::vector<float> rows;
      for (const auto& row : {row_of(kNan), good, infinite, row_of(-kInfinity), good})
        rows.insert(rows.end(), row.begin(), row.end());
      const std::vector<int32_t> tokens = sample_rows(*stream, rows, std::vector<Filters>(5, filters));
      CHECK_FOR(tokens == (std::vector<int32_t>{-1, 77, -1, -1, 77}), kernels->name);
    }
  }
}

TEST(a_nan_hides_nothing) {
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    for (const int vocab : {40, 41, 47}) {
      const auto stream = make_stream(kernels->name, vocab);
      for (int nan = 0; nan < vocab; ++nan) {
        for (int best = 0; best < vocab; ++best) {
          if (nan == best) continue;
          std::vector<float> logits(static_cast<size_t>(vocab), 1);
          logits[static_cast<size_t>(nan)] = kNan;
          logits[static_cast<size_t>(best)] = 30;
          CHECK_FOR(sample(*stream, logits, {}) == best, kernels->name);
          CHECK_FOR(sample(*stream, logits, {1, 0, 0.9f, 0, 0.5}) == best, kernels->name);
        }
      }
    }
  }
}

TEST(one_row_depends_on_no_other) {
  Random random(8);
  const int vocab = 500, rows = 64;
  auto logits = random.reals(vocab * rows, 4);
  std::vector<Filters> params;
  for (int row = 0; row < rows; ++row)
    params.push_back({1, random.below(20), 0.9f, row % 2 == 0 ? 0 : 0.02f, random.unit()});
  std::vector<std::vector<int32_t>> results;
  for (const int threads : {1, 2, 3}) {
    const auto stream = make_stream("auto", vocab, threads);
    const auto together = sample_rows(*stream, logits, params);
    std::vector<int32_t> alone;
    for (size_t row = 0; row < rows; ++row) {
      const auto first = logits.begin() + static_cast<std::ptrdiff_t>(row * vocab);
      alone.push_back(sample_rows(*stream, {first, first + vocab}, {params[row]})[0]);
    }
    CHECK(together == alone);
    results.push_back(together);
  }
  CHECK(results[0] == results[1] && results[1] == results[2]);
}

// What a sort may cost more than a token. Sanitizers slow kernels down and a sort hardly: there it is the
// sort itself.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kMargin = 1;
#else
constexpr double kMargin = 4;
#endif

// Measured beside a sort, in processor time: whatever machine and whatever else runs.
TEST(a_large_vocabulary_takes_no_sort) {
  constexpr int kVocab = 151936, kRuns = 10;
  const auto stream = make_stream("auto", kVocab);
  Random random(9);
  std::vector<float> logits(kVocab);
  for (float& logit : logits) logit = 3 * random.normal();
  const auto least = [](auto work) {
    double seconds = 1e9;
    for (int run = 0; run < kRuns; ++run) seconds = std::min(seconds, check::processor_seconds(work));
    return seconds;
  };
  const double sort = least([&] {
    auto sorted = logits;
    std::sort(sorted.begin(), sorted.end());
  });
  int compared = 0;
  for (const Filters& params : {Filters{1, 0, 0.95f, 0, 0.5}, Filters{0.7f, 20, 0.8f, 0, 0.5},
                                Filters{1, 0, 1, 0.05f, 0.5}, Filters{1, 0, 1, 0, 0.5}}) {
    const double seconds = least([&] { sample(*stream, logits, params); });
    std::printf("     top_k %d top_p %.2f min_p %.2f: %.2f ms, a sort %.2f ms\n", params.top_k, params.top_p,
                params.min_p, 1e3 * seconds, 1e3 * sort);
    CHECK(seconds < sort / kMargin);
  }
  const Filters few{0.7f, 20, 0.8f, 0, 0.5};
  check_distribution(*stream, logits, few, &compared);
  CHECK_EQ(compared, 1);
}

}  // namespace
}  // namespace quern::test
