#include "backend/cpu/sampling/candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "backend/cpu/sampling/draw.h"

namespace quern::cpu {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLowest = std::numeric_limits<float>::lowest();

bool likelier(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

}  // namespace

void CandidateScratch::reserve(int vocab) {
  const auto size = static_cast<size_t>(vocab);
  weights = Buffer(size * sizeof(float));
  keys = Buffer(size * sizeof(float));
  ids = Buffer(size * sizeof(int32_t));
  block_masses = Buffer((size / kDrawBlock + 1) * sizeof(double));
  few.reserve(Candidates::kMostFew);
  drawn.reserve(Candidates::kMostFew);
  ranking.reserve(vocab);
}

// ---- what is left, in one of its two forms

std::span<float> Candidates::row() {
  if (few_) {
    std::fill(logits_.begin(), logits_.end(), -kInfinity);
    for (const Candidate& one : scratch_.few) logits_[static_cast<size_t>(one.token)] = one.logit;
    few_ = false;
  }
  weighed_ = has_largest_ = false;
  return logits_;
}

float Candidates::largest() {
  if (few_) return scratch_.few.empty() ? -kInfinity : scratch_.few[0].logit;
  if (!has_largest_) largest_ = kernels_.largest(logits_.data(), size());
  has_largest_ = true;
  return largest_;
}

bool Candidates::empty() {
  return !std::isfinite(largest());
}

float* Candidates::weights() {
  auto* const weights = scratch_.weights.as<float>();
  if (weighed_) return weights;
  base_ = largest();
  kernels_.softmax_weights({logits_.data(), weights, size(), base_, 1});
  weighed_ = true;
  return weights;
}

double Candidates::mass() {
  if (!few_) return kernels_.sum_above(weights(), size(), 0).mass;
  weigh_few();
  double mass = 0;
  for (const Candidate& one : scratch_.few) mass += one.weight;
  return mass;
}

void Candidates::weigh_few() {
  if (weighed_) return;
  base_ = largest();
  for (Candidate& one : scratch_.few) one.weight = std::exp(double{one.logit} - double{base_});
  weighed_ = true;
}

// The likeliest may be gone. The weights stay as they are, unless what is left of them is too small to be
// exact.
void Candidates::forget_largest() {
  constexpr float kFarBelow = 20;
  has_largest_ = false;
  if (weighed_ && base_ - largest() > kFarBelow) weighed_ = false;
}

// Copies out all whose logit is at least the floor, the likeliest first.
void Candidates::gather(float floor) {
  auto* const ids = scratch_.ids.as<int32_t>();
  const auto count = static_cast<size_t>(kernels_.collect_ids(logits_.data(), size(), floor, ids));
  scratch_.few.resize(count);
  for (size_t i = 0; i < count; ++i) scratch_.few[i] = {ids[i], logits_[static_cast<size_t>(ids[i])], 0};
  std::sort(scratch_.few.begin(), scratch_.few.end(), likelier);
}

void Candidates::use_few() {
  few_ = true;
  weighed_ = false;
}

void Candidates::truncate(size_t count) {
  auto& few = scratch_.few;
  count = std::max<size_t>(count, 1);
  while (count < few.size() && few[count].logit == few[count - 1].logit) ++count;
  if (count < few.size()) few.resize(count);
}

// Keeps those of the row whose key is in the range.
void Candidates::keep(const float* keys, float floor, float ceiling) {
  const int64_t left = kernels_.keep_between(
      {keys, floor, ceiling, logits_.data(), weighed_ ? scratch_.weights.as<float>() : nullptr, size()});
  if (left > kMostFew) return;
  gather(kLowest);
  use_few();
}

void Candidates::keep_logits(float floor) {
  floor = std::min(floor, largest());
  const int64_t left = kernels_.mass_above({logits_.data(), logits_.data(), size(), floor}).count;
  if (left > kMostFew) return keep(logits_.data(), floor);
  gather(floor);
  use_few();
}

std::span<const Candidate> Candidates::likeliest(int64_t count) {
  if (!few_)
    gather(Ranking(kernels_, scratch_.ranking, logits_.data(), nullptr, size()).about(count, kLowest));
  return scratch_.few;
}

Ranking Candidates::ranking(const float* keys) {
  return {kernels_, scratch_.ranking, keys, weights(), size()};
}

// ---- filters

void Candidates::divide(float temperature) {
  const float scale = 1 / temperature;
  if (!std::isfinite(largest() * scale)) return keep_largest();
  weighed_ = false;
  if (few_) {
    for (Candidate& one : scratch_.few) one.logit *= scale;
    return;
  }
  largest_ *= scale;
  kernels_.scale(logits_.data(), size(), scale);
}

void Candidates::keep_largest() {
  if (!few_) {
    gather(largest());
    use_few();
  }
  scratch_.few.resize(std::min<size_t>(scratch_.few.size(), 1));
}

void Candidates::top_k(int64_t k) {
  if (k <= 0 || k >= size()) return;
  if (few_) return truncate(static_cast<size_t>(k));
  if (k <= size() / kBlockNumbers / 2) {
    likeliest(k);
    use_few();
    return truncate(static_cast<size_t>(k));
  }
  const float* all = weights();
  const float floor = ranking(all).floor_for({k}, 0);
  if (floor > 0) return keep(all, floor);
  // Among weights too small for float32: the logits still tell them apart.
  keep_logits(ranking(logits_.data()).floor_for({k}, kLowest));
}

void Candidates::top_p(double p) {
  if (p >= 1) return;
  const double whole = mass(), wanted = std::max(0.0, p) * whole;
  if (few_) {
    size_t count = 0;
    for (double sum = 0; count < scratch_.few.size() && (count == 0 || sum < wanted); ++count)
      sum += scratch_.few[count].weight;
    return truncate(count);
  }
  const float* all = weights();
  keep(all, ranking(all).floor_for({1, wanted, whole}, 0));
}

// z >= largest - depth
void Candidates::keep_down_to(double depth) {
  const double floor = double{largest()} - depth;
  if (!few_) return keep_logits(static_cast<float>(std::max(floor, double{kLowest})));
  size_t count = 0;
  while (count < scratch_.few.size() && scratch_.few[count].logit >= floor) ++count;
  truncate(count);
}

// p >= share * p_max, in logits: z >= z_max + ln(share)
void Candidates::min_p(double share) {
  if (share > 0) keep_down_to(-std::log(std::min(share, 1.0)));
}

void Candidates::top_n_sigma(double n) {
  if (n <= 0) return;
  double deviation = 0;
  if (few_) {
    double mean = 0;
    const auto count = static_cast<double>(scratch_.few.size());
    for (const Candidate& one : scratch_.few) mean += one.logit / count;
    for (const Candidate& one : scratch_.few) deviation += (one.logit - mean) * (one.logit - mean) / count;
  } else {
    // Twice, the second time around the mean, where squares are small.
    const Moments rough = kernels_.moments(logits_.data(), size(), largest());
    const auto mean = static_cast<float>(largest() + rough.sum / static_cast<double>(rough.count));
    const Moments exact = kernels_.moments(logits_.data(), size(), mean);
    const auto count = static_cast<double>(exact.count);
    deviation = (exact.squares - exact.sum * exact.sum / count) / count;
  }
  keep_down_to(n * std::sqrt(std::max(0.0, deviation)));
}

// Meister et al. 2022. With x = z - z_max and W the sum of weights, ln p = x - ln W, so the entropy is ln W -
// sum(p x) and a token's distance from it, |-ln p - H|, is |x - sum(p x)|.
void Candidates::typical_p(double p) {
  if (p >= 1) return;
  const double whole = mass(), wanted = std::max(0.0, p) * whole;
  if (!few_) {
    const float* all = weights();
    const double centre = kernels_.weighted_sum(all, logits_.data(), size(), largest()) / whole;
    auto* const keys = scratch_.keys.as<float>();
    kernels_.closeness(logits_.data(), size(), static_cast<float>(largest() + centre), keys);
    keep(keys, ranking(keys).floor_for({1, wanted, whole}, kLowest));
    return forget_largest();
  }
  auto& few = scratch_.few;
  double centre = 0, sum = 0;
  for (const Candidate& one : few) centre += one.weight * (double{one.logit} - double{largest()});
  centre = double{largest()} + centre / whole;
  const auto distance = [&](const Candidate& one) { return std::abs(one.logit - centre); };
  std::sort(few.begin(), few.end(), [&](const Candidate& a, const Candidate& b) {
    return distance(a) < distance(b) || (distance(a) == distance(b) && likelier(a, b));
  });
  size_t count = 0;
  for (; count < few.size() && (count == 0 || sum < wanted); ++count) sum += few[count].weight;
  while (count < few.size() && distance(few[count]) == distance(few[count - 1])) ++count;
  few.resize(count);
  std::sort(few.begin(), few.end(), likelier);
  weighed_ = false;
}

// "Exclude top choices" (p-e-w 2024).
void Candidates::xtc(double threshold) {
  if (threshold > 0.5) return;  // one token at most reaches it
  const double wanted = threshold * mass();
  auto& few = scratch_.few;
  if (few_) {
    size_t reach = 0;
    while (reach < few.size() && few[reach].weight >= wanted) ++reach;
    if (reach < 2) return;
    few.erase(few.begin(), few.begin() + static_cast<std::ptrdiff_t>(reach - 1));
    weighed_ = false;
    return;
  }
  // In logits: z >= base + ln(threshold W)
  const float floor = static_cast<float>(double{base_} + std::log(wanted));
  const WeightSum reach = kernels_.mass_above({logits_.data(), weights(), size(), floor});
  if (reach.count < 2) return;
  const float least = kernels_.least_above(logits_.data(), size(), floor);
  keep(logits_.data(), kLowest, least);
  if (few_) {
    while (few.size() > 1 && few[1].logit == least) few.erase(few.begin());
    return;
  }
  auto* const ids = scratch_.ids.as<int32_t>();
  const int64_t equal = kernels_.collect_ids(logits_.data(), size(), least, ids);
  for (int64_t i = 0; i + 1 < equal; ++i) {
    logits_[static_cast<size_t>(ids[i])] = -kInfinity;
    weights()[ids[i]] = 0;
  }
  forget_largest();
}

// -log2 p <= bits: z >= ln(sum of e^z) - bits ln 2
void Candidates::at_most_surprise(double bits) {
  const double least = log_mass() - bits * std::numbers::ln2;
  keep_down_to(std::max(0.0, double{largest()} - least));
}

// ---- what comes of it

double Candidates::log_mass() {
  const double sum = mass();
  return double{base_} + std::log(sum);
}

double Candidates::logit(int32_t token) const {
  if (!few_) return logits_[static_cast<size_t>(token)];
  for (const Candidate& one : scratch_.few)
    if (one.token == token) return one.logit;
  return -kInfinity;
}

int32_t Candidates::draw(double uniform) {
  if (!few_) {
    return draw_token(kernels_, weights(), size(), 0, uniform, scratch_.block_masses.as<double>());
  }
  double left = uniform * mass();
  auto& few = scratch_.few;
  auto& in_order = scratch_.drawn;
  in_order.assign(few.begin(), few.end());
  std::sort(in_order.begin(), in_order.end(),
            [](const Candidate& a, const Candidate& b) { return a.token < b.token; });
  int32_t token = few[0].token;
  for (const Candidate& one : in_order) {
    if (left < 0) break;
    if (one.weight == 0) continue;
    token = one.token;
    left -= one.weight;
  }
  return token;
}

void Candidates::write(std::span<float> out) {
  std::fill(out.begin(), out.end(), 0.0f);
  if (few_) {
    const double whole = mass();
    for (const Candidate& one : scratch_.few)
      out[static_cast<size_t>(one.token)] = static_cast<float>(one.weight / whole);
    return;
  }
  const double most = largest();
  double whole = 0;
  for (const float logit : logits_) whole += logit >= kLowest ? std::exp(logit - most) : 0;
  for (size_t i = 0; i < out.size(); ++i) {
    if (logits_[i] >= kLowest) out[i] = static_cast<float>(std::exp(logits_[i] - most) / whole);
  }
}

}  // namespace quern::cpu
