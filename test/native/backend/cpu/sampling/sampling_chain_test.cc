// Chains of sampling steps, in any order and at sizes where candidates are a whole row, a copied few, or
// first the one and then the other, against a plain float64 reference that sorts everything.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <sstream>
#include <string>

#include "backend/cpu/isa.h"
#include "backend/cpu/sampling/sampler.h"
#include "check.h"
#include "core/error.h"
#include "numbers.h"

namespace quern::test {
namespace {

using Step = SamplingStep;

constexpr double kNever = -std::numeric_limits<double>::infinity();

struct One {
  int id;
  double logit, p;
};

std::vector<One> weighed(const std::vector<double>& logits) {
  std::vector<One> all;
  double largest = kNever, sum = 0;
  for (const double logit : logits) largest = std::max(largest, logit);
  for (size_t id = 0; id < logits.size(); ++id)
    if (logits[id] > kNever)
      all.push_back({static_cast<int>(id), logits[id], std::exp(logits[id] - largest)});
  for (const One& one : all) sum += one.p;
  for (One& one : all) one.p /= sum;
  std::stable_sort(all.begin(), all.end(), [](const One& a, const One& b) { return a.logit > b.logit; });
  return all;
}

// Cuts `all`, in the order of `key`, where the sum of p reaches `p`, together with ties.
template <typename Key>
void cut(std::vector<One>& all, double p, Key key) {
  std::stable_sort(all.begin(), all.end(), [&](const One& a, const One& b) { return key(a) < key(b); });
  size_t count = 0;
  for (double sum = 0; count < all.size() && (count == 0 || sum < p); ++count) sum += all[count].p;
  while (count < all.size() && key(all[count]) == key(all[count - 1])) ++count;
  all.resize(count);
}

// One filter. `nudge` moves every threshold a little: where that changes what is kept, float32 may differ
// too.
void filter(std::vector<double>& logits, Step step, const SamplingOptions& o, bool xtc, double nudge) {
  auto all = weighed(logits);
  const double count = static_cast<double>(all.size());
  const auto drop = [&](auto keep) { std::erase_if(all, [&](const One& one) { return !keep(one); }); };
  if (step == Step::temperature) {
    for (double& logit : logits) logit /= double{o.temperature};
    return;
  }
  if (step == Step::top_k && o.top_k > 0 && o.top_k < static_cast<int>(all.size())) {
    const double least = all[static_cast<size_t>(o.top_k - 1)].logit;
    drop([&](const One& one) { return one.logit >= least; });
  } else if (step == Step::top_p && o.top_p < 1) {
    cut(all, double{o.top_p} * (1 + nudge), [](const One& one) { return -one.logit; });
  } else if (step == Step::min_p && o.min_p > 0) {
    const double least = all[0].logit + std::log(double{o.min_p}) + nudge;
    drop([&](const One& one) { return one.logit >= least || one.logit == all[0].logit; });
  } else if (step == Step::typical_p && o.typical_p < 1) {
    double entropy = 0;
    for (const One& one : all) entropy -= one.p > 0 ? one.p * std::log(one.p) : 0;
    cut(all, double{o.typical_p} * (1 + nudge),
        [&](const One& one) { return std::abs(-std::log(one.p) - entropy); });
  } else if (step == Step::top_n_sigma && o.top_n_sigma > 0) {
    double mean = 0, variance = 0;
    for (const One& one : all) mean += one.logit / count;
    for (const One& one : all) variance += (one.logit - mean) * (one.logit - mean) / count;
    const double least = all[0].logit - double{o.top_n_sigma} * std::sqrt(variance) * (1 + nudge);
    drop([&](const One& one) { return one.logit >= least; });
  } else if (step == Step::xtc && xtc && o.xtc_threshold <= 0.5f) {
    size_t reach = 0;
    while (reach < all.size() && all[reach].p >= double{o.xtc_threshold} * (1 + nudge)) ++reach;
    if (reach >= 2) all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(reach - 1));
  } else if (step == Step::mirostat && o.mirostat.version == 2) {
    const double largest = all[0].logit;
    drop([&](const One& one) {
      return one.logit == largest || -std::log2(one.p) <= double{o.mirostat_mu} * (1 + nudge);
    });
  }
  std::vector<double> kept(logits.size(), kNever);
  for (const One& one : all) kept[static_cast<size_t>(one.id)] = one.logit;
  logits = kept;
}

std::vector<double> reference(const std::vector<float>& given, const SamplingOptions& o, bool xtc,
                              double nudge) {
  std::vector<double> logits(given.begin(), given.end());
  for (const Step step : o.steps) filter(logits, step, o, xtc, nudge);
  std::vector<double> probabilities(given.size(), 0);
  for (const One& one : weighed(logits)) probabilities[static_cast<size_t>(one.id)] = one.p;
  return probabilities;
}

// What float32 cannot hold is nothing.
bool same_kept(const std::vector<double>& a, const std::vector<double>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if ((a[i] > 1e-30) != (b[i] > 1e-30)) return false;
  return true;
}

SamplingOptions random_options(Random& random, int vocab) {
  const auto pick = [&](const std::vector<float>& from) {
    return from[static_cast<size_t>(random.below(static_cast<int>(from.size())))];
  };
  SamplingOptions o;
  o.temperature = pick({0.5f, 0.8f, 1.3f, 2});
  o.top_k = random.below(3) == 0 ? random.between(1, vocab) : random.between(1, std::min(vocab, 200));
  o.top_p = pick({0.3f, 0.8f, 0.95f, 0.999f});
  o.min_p = pick({0.2f, 0.02f, 1e-4f, 1e-7f});
  o.typical_p = pick({0.2f, 0.6f, 0.9f, 0.97f});
  o.top_n_sigma = pick({0.7f, 2, 4});
  o.xtc_threshold = pick({0.3f, 0.01f, 1e-4f, 1e-6f});
  o.xtc_probability = random.below(2) == 0 ? 0 : 1;
  o.mirostat.version = 2;
  o.mirostat_mu = pick({2, 6, 12, 16});
  std::vector<Step> steps{Step::temperature, Step::top_n_sigma, Step::top_k, Step::top_p,
                          Step::min_p,       Step::typical_p,   Step::xtc};
  random.shuffle(steps);
  steps.resize(static_cast<size_t>(random.between(1, 5)));
  if (random.below(3) == 0) steps.push_back(Step::mirostat);
  o.steps = steps;
  return o;
}

std::vector<float> random_logits(Random& random, int vocab) {
  std::vector<float> logits(static_cast<size_t>(vocab));
  const float deviation = random.below(2) == 0 ? 1 : 3;
  for (float& logit : logits) logit = deviation * random.normal();
  if (random.below(3) == 0)  // as models do: a few far above the rest
    for (int i = 0; i < 5; ++i) logits[static_cast<size_t>(random.below(vocab))] += 4 * deviation;
  if (random.below(4) == 0)
    for (float& logit : logits)
      if (random.below(3) == 0) logit = -std::numeric_limits<float>::infinity();
  logits[static_cast<size_t>(random.below(vocab))] = deviation;
  return logits;
}

std::string describe(const cpu::Kernels& kernels, int vocab, const SamplingOptions& o) {
  std::ostringstream text;
  text << kernels.name << " vocab " << vocab << " steps";
  for (const Step step : o.steps) text << ' ' << static_cast<int>(step);
  return text.str();
}

void compare(const cpu::Kernels& kernels, int vocab, int rounds, int* compared, int* tried) {
  cpu::Sampler sampler;
  sampler.reserve(vocab, 1);
  Random random(static_cast<uint64_t>(vocab));
  for (int round = 0; round < rounds; ++round) {
    const auto options = random_options(random, vocab);
    const auto logits = random_logits(random, vocab);
    const bool xtc = options.xtc_probability == 1;
    const auto wanted = reference(logits, options, xtc, 0);
    ++*tried;
    if (!same_kept(wanted, reference(logits, options, xtc, 2e-5)) ||
        !same_kept(wanted, reference(logits, options, xtc, -2e-5)))
      continue;
    ++*compared;
    std::vector<float> got(logits.size());
    sampler.distribution(kernels, logits, {&options, {}, 0, 0, false, options.mirostat_mu}, got);
    const std::string name = describe(kernels, vocab, options);
    size_t wrong = 0;
    double before = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      if ((got[i] > 1e-30f) != (wanted[i] > 1e-30)) ++wrong;
      if (std::abs(double{got[i]} - wanted[i]) > 1e-6 + 2e-5 * wanted[i]) ++wrong;
    }
    CHECK_FOR(wrong == 0, name);
    // A draw is the token at which the cumulative distribution passes it.
    const double uniform = random.unit();
    auto row = logits;
    const auto sampled =
        sampler.sample(kernels, 0, row, {&options, {}, 0, uniform, xtc, options.mirostat_mu});
    const auto token = static_cast<size_t>(sampled.token);
    for (size_t i = 0; i < token; ++i) before += wanted[i];
    CHECK_FOR(wanted[token] > 0 && before <= uniform + 1e-5 && before + wanted[token] >= uniform - 1e-5,
              name);
    if (options.steps.back() == Step::mirostat) {
      const double surprise = -std::log2(wanted[token]);
      const double mu = double{options.mirostat_mu} -
                        double{options.mirostat.eta} * (surprise - double{options.mirostat.tau});
      CHECK_FOR(std::abs(double{sampled.mu} - mu) < 1e-4, name);
    }
  }
}

TEST(chains_against_float64) {
  int compared = 0, tried = 0;
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    for (const int vocab : {1, 2, 7, 40, 300}) compare(*kernels, vocab, 200, &compared, &tried);
    for (const int vocab : {1500, 5000, 20011}) compare(*kernels, vocab, 20, &compared, &tried);
    compare(*kernels, 151936, 3, &compared, &tried);
  }
  std::printf("     %d of %d compared\n", compared, tried);
  CHECK(compared > tried / 2);  // the others are too close to call in float32
}

// k from Zipf's law, and what is taken of the mu: Basu et al. 2020, equations 2 and 30.
TEST(mirostat_1) {
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    for (const int vocab : {50, 3000, 40000}) {
      cpu::Sampler sampler;
      sampler.reserve(vocab, 1);
      Random random(3);
      for (const double exponent : {0.7, 1.1, 2.0}) {
        for (const float mu : {1.0f, 4.0f, 9.0f}) {
          // p_i proportional to i^-exponent, in random order.
          std::vector<float> logits;
          for (int i = 1; i <= vocab; ++i) logits.push_back(static_cast<float>(-exponent * std::log(i)));
          random.shuffle(logits);
          const double e = exponent - 1, n = vocab;
          const double k = std::clamp(
              std::round(std::pow(e * std::exp2(double{mu}) / (1 - std::pow(n, -e)), 1 / exponent)), 1.0, n);
          SamplingOptions options;
          options.temperature = 1;
          options.mirostat = {1, 3, 0.5f};
          std::vector<float> got(logits.size());
          sampler.distribution(*kernels, logits, {&options, {}, 0, 0, false, mu}, got);
          const auto kept = std::count_if(got.begin(), got.end(), [](float p) { return p > 0; });
          CHECK(std::abs(static_cast<double>(kept) - k) <= 1 + 1e-3 * k);

          auto row = logits;
          const auto sampled = sampler.sample(*kernels, 0, row, {&options, {}, 0, 0.6, false, mu});
          double sum = 0;
          for (const float logit : logits) sum += std::exp(double{logit});
          const auto token = static_cast<size_t>(sampled.token);
          CHECK(got[token] > 0);
          const double surprise = (std::log(sum) - double{logits[token]}) / std::numbers::ln2;
          CHECK(std::abs(double{sampled.mu} - (double{mu} - 0.5 * (surprise - 3))) < 1e-4);
        }
      }
    }
  }
}

// Of the raw logits, whatever the steps make of them.
TEST(logprobs) {
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    for (const int vocab : {1, 5, 300, 151936}) {
      cpu::Sampler sampler;
      sampler.reserve(vocab, 1);
      Random random(5);
      auto logits = random_logits(random, vocab);
      for (int i = 0; i < 4 && i < vocab; ++i) logits[static_cast<size_t>(random.below(vocab))] = 6;  // ties
      const auto all = weighed({logits.begin(), logits.end()});
      for (const int top : {0, 1, 20, 128}) {
        SamplingOptions options;
        options.temperature = 0.5f;
        options.top_k = 3;
        options.logit_bias = {{0, 4}};
        options.top_logprobs = top;
        auto row = logits;
        const auto sampled = sampler.sample(*kernels, 0, row, {&options, {}, 0, 0.4, false, 0});
        CHECK(sampled.logprobs.has_value());
        if (!sampled.logprobs) continue;
        const auto& found = sampled.logprobs->top;
        CHECK_EQ(found.size(), std::min(static_cast<size_t>(top), all.size()));
        for (size_t i = 0; i < found.size(); ++i) {
          CHECK_EQ(found[i].token, all[i].id);
          CHECK(std::abs(found[i].logprob - std::log(all[i].p)) < 1e-5);
        }
        for (const One& one : all)
          if (one.id == sampled.token) CHECK(std::abs(sampled.logprobs->chosen - std::log(one.p)) < 1e-5);
      }
    }
  }
}

TEST(a_banned_token_is_never_drawn) {
  constexpr float kBan = -std::numeric_limits<float>::infinity();
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    cpu::Sampler sampler;
    sampler.reserve(3, 1);
    for (const float temperature : {0.0f, 1.0f}) {
      SamplingOptions options;
      options.temperature = temperature;
      options.logit_bias = {{0, kBan}, {2, kBan}};
      for (const double uniform : {0.0, 0.5, 0.999999}) {
        std::vector<float> row{5, 1, 9};
        CHECK_EQ(sampler.sample(*kernels, 0, row, {&options, {}, 0, uniform, false, 0}).token, 1);
      }
    }
  }
}

// Whatever a broken model gives, and whatever is asked for, the result is a token that has a logit, or none.
TEST(any_logits_give_a_token_or_none) {
  const std::vector<float> specials{std::numeric_limits<float>::quiet_NaN(),
                                    std::numeric_limits<float>::infinity(),
                                    -std::numeric_limits<float>::infinity(),
                                    0,
                                    3e38f,
                                    -3e38f,
                                    1e-40f};
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    for (const int vocab : {40, 3000}) {
      cpu::Sampler sampler;
      sampler.reserve(vocab, 1);
      Random random(6);
      for (int round = 0; round < (vocab < 100 ? 2000 : 200); ++round) {
        auto options = random_options(random, vocab);
        options.mirostat.version = random.between(1, 2);
        options.repetition_penalty = 1e6f;
        options.frequency_penalty = -1e6f;
        options.dry.multiplier = 1e6f;
        options.top_logprobs = random.below(3) - 1;
        options.steps.insert(options.steps.begin() + random.below(static_cast<int>(options.steps.size())),
                             {Step::repetition_penalty, Step::dry, Step::frequency_penalty});
        std::vector<float> logits(static_cast<size_t>(vocab));
        const int kinds = random.between(1, static_cast<int>(specials.size()));
        for (float& logit : logits)
          logit = random.below(2) == 0 ? random.normal() : specials[static_cast<size_t>(random.below(kinds))];
        std::vector<int32_t> tokens;
        for (int i = 0; i < 30; ++i) tokens.push_back(random.below(4));
        const std::vector<float> raw = logits;
        const bool any = std::any_of(raw.begin(), raw.end(), [](float one) { return std::isfinite(one); });
        const bool xtc = options.xtc_probability == 1;
        const auto sampled =
            sampler.sample(*kernels, 0, logits, {&options, tokens, 10, random.unit(), xtc, 10});
        CHECK(sampled.token >= -1 && sampled.token < vocab);
        if (!any) CHECK_EQ(sampled.token, -1);
        if (sampled.token >= 0) CHECK(std::isfinite(raw[static_cast<size_t>(sampled.token)]));
        if (sampled.token < 0) CHECK(!sampled.logprobs);
      }
    }
  }
}

// Chains that go through the candidates, one of each kind, and logprobs with them.
TEST(logits_without_a_number_give_no_token) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInfinity = std::numeric_limits<float>::infinity();
  std::vector<SamplingOptions> chains(6);
  for (SamplingOptions& one : chains) one.temperature = 1;
  chains[0].mirostat.version = 1;
  chains[1].mirostat.version = 2;
  chains[2].typical_p = 0.9f;
  chains[3].top_n_sigma = 1;
  chains[4].steps = {Step::top_k, Step::temperature};
  chains[4].top_k = 5;
  chains[5].temperature = 0;
  chains[5].steps = {Step::top_p, Step::temperature, Step::logit_bias};
  chains[5].top_p = 0.5f;
  chains[5].logit_bias = {{3, 1}};
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    for (const int vocab : {40, 3000}) {
      cpu::Sampler sampler;
      sampler.reserve(vocab, 1);
      for (const SamplingOptions& chain : chains) {
        for (const int top : {-1, 0, 3}) {
          SamplingOptions options = chain;
          options.top_logprobs = top;
          for (const float fill : {kNan, -kInfinity, kInfinity}) {
            std::vector<float> row(static_cast<size_t>(vocab), fill);
            const Sampled sampled = sampler.sample(*kernels, 0, row, {&options, {}, 0, 0.5, false, 7});
            CHECK_EQ(sampled.token, -1);
            CHECK_EQ(sampled.mu, 7.0f);
            CHECK(!sampled.logprobs);
          }
          std::vector<float> row(static_cast<size_t>(vocab), kNan);
          row[21] = -4;
          CHECK_FOR(sampler.sample(*kernels, 0, row, {&options, {}, 0, 0.5, false, 7}).token == 21,
                    "chain " + std::to_string(&chain - chains.data()));
        }
      }
      std::vector<float> shares(static_cast<size_t>(vocab));
      const std::vector<float> nothing(static_cast<size_t>(vocab), kNan);
      for (const SamplingOptions& chain : chains) {
        const SampleParams params{&chain, {}, 0, 0, false, 0};
        CHECK_ERROR(sampler.distribution(*kernels, nothing, params, shares), "not_finite");
      }
    }
  }
}

// So small that what it makes of logits is infinite.
TEST(a_tiny_temperature_takes_the_likeliest) {
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    cpu::Sampler sampler;
    sampler.reserve(40, 1);
    for (const float temperature : {1e-38f, 1e-40f}) {
      for (const float best : {-3.0f, 3.0f}) {
        for (const float typical_p : {1.0f, 0.9f}) {
          SamplingOptions options;
          options.temperature = temperature;
          options.typical_p = typical_p;
          std::vector<float> row(40, best - 0.5f), shares(40);
          row[21] = best;
          sampler.distribution(*kernels, row, {&options, {}, 0, 0, false, 0}, shares);
          CHECK_EQ(shares[21], 1.0f);
          CHECK_EQ(sampler.sample(*kernels, 0, row, {&options, {}, 0, 0.9, false, 0}).token, 21);
        }
      }
    }
  }
}

}  // namespace
}  // namespace quern::test
