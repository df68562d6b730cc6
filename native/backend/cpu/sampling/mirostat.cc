#include "backend/cpu/sampling/mirostat.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace quern::cpu {

namespace {

constexpr int64_t kFitted = 100;  // m

int64_t zipf_k(std::span<const Candidate> likeliest, int64_t vocab, double mu) {
  const auto pairs = std::min<int64_t>(kFitted, static_cast<int64_t>(likeliest.size()) - 1);
  double products = 0, squares = 0;
  for (int64_t i = 0; i < pairs; ++i) {
    const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    const auto at = static_cast<size_t>(i);
    products += t * (double{likeliest[at].logit} - double{likeliest[at + 1].logit});
    squares += t * t;
  }
  const double s = squares > 0 ? products / squares : 0;
  const double e = s - 1;
  constexpr double kNearOne = 1e-9;  // where the quotient is 0/0; it tends to 2^mu / ln N
  const double sum = std::abs(e) < kNearOne ? std::log(static_cast<double>(vocab))
                                            : (1 - std::pow(static_cast<double>(vocab), -e)) / e;
  const double k = std::round(std::pow(std::exp2(mu) / sum, 1 / s));
  if (!(k >= 1)) return 1;
  return k < static_cast<double>(vocab) ? static_cast<int64_t>(k) : vocab;
}

}  // namespace

void Mirostat::filter(Candidates& candidates, int64_t vocab) {
  if (options_.version == 1) {
    log_mass_ = candidates.log_mass();
    candidates.top_k(zipf_k(candidates.likeliest(kFitted + 1), vocab, double{mu_}));
  } else {
    candidates.at_most_surprise(double{mu_});
    log_mass_ = candidates.log_mass();
  }
}

float Mirostat::next_mu(const Candidates& candidates, int32_t token) const {
  const double surprise = (log_mass_ - candidates.logit(token)) / std::numbers::ln2;
  return static_cast<float>(double{mu_} - double{options_.eta} * (surprise - double{options_.tau}));
}

}  // namespace quern::cpu
