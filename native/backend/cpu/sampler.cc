#include "backend/cpu/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace quern::cpu {

namespace {

constexpr int64_t kDrawBlock = 2048;  // weights that are summed before a draw looks at single ones
constexpr int64_t kFew = 128;         // weights that are sorted rather than halved further

// The weights of one row, from 0 to 1, and what find_floor() asks about them.
struct Weights {
  const Kernels& kernels;
  std::span<const float> values;
  std::span<float> few;  // room for the answer of between()

  WeightSum above(float floor) const {
    return kernels.sum_above(values.data(), static_cast<int64_t>(values.size()), floor);
  }
  // Those in [from, below), the largest first.
  std::span<const float> between(float from, float below) const {
    const int64_t count =
        kernels.collect_between(values.data(), static_cast<int64_t>(values.size()), from, below, few.data());
    std::sort(few.begin(), few.begin() + count, std::greater<>());
    return few.first(static_cast<size_t>(count));
  }
};

// The largest weight such that all weights from it upwards satisfy `enough`, which must hold for `least`: a
// binary search over the bits of positive floats, which are ordered as the floats are.
template <typename Enough>
float largest_floor(const Weights& weights, float least, Enough enough) {
  constexpr uint32_t kAboveOne = 0x3f800001u;  // the bits of the first float above 1
  uint32_t low = std::bit_cast<uint32_t>(least), high = kAboveOne;
  WeightSum at_low = weights.above(least), at_high;
  while (at_low.count - at_high.count > kFew && high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    const WeightSum sum = weights.above(std::bit_cast<float>(middle));
    if (enough(sum)) {
      low = middle;
      at_low = sum;
    } else {
      high = middle;
      at_high = sum;
    }
  }
  float floor = std::bit_cast<float>(low);
  if (high - low == 1) return floor;  // many equal weights
  for (const float weight : weights.between(floor, std::bit_cast<float>(high))) {
    at_high.mass += weight;
    ++at_high.count;
    floor = weight;
    if (enough(at_high)) break;
  }
  return floor;
}

float find_floor(const Weights& weights, const SampleParams& params) {
  const auto vocab = static_cast<int32_t>(weights.values.size());
  float floor = 0;
  if (params.top_k > 0 && params.top_k < vocab) {
    floor = largest_floor(weights, 0, [&](const WeightSum& sum) { return sum.count >= params.top_k; });
  }
  if (params.top_p < 1) {
    const double wanted = std::max(0.0f, params.top_p) * weights.above(floor).mass;
    floor = largest_floor(weights, floor,
                          [&](const WeightSum& sum) { return sum.count > 0 && sum.mass >= wanted; });
  }
  return std::max(floor, params.min_p);  // a share of the largest weight, which is 1
}

}  // namespace

void Sampler::reserve(int vocab, int threads) {
  const auto size = static_cast<size_t>(vocab);
  scratch_.resize(static_cast<size_t>(threads));
  for (Scratch& scratch : scratch_) {
    scratch.weights.resize(size);
    scratch.few.resize(size);
    scratch.masses.resize(size / kDrawBlock + 1);
  }
}

int32_t Sampler::sample(const Kernels& kernels, int thread, std::span<const float> logits,
                        const SampleParams& params) {
  const auto count = static_cast<int64_t>(logits.size());
  const float largest = kernels.largest(logits.data(), count);
  if (params.temperature <= 0 || !std::isfinite(largest)) {
    const auto most_likely = std::find(logits.begin(), logits.end(), largest);
    return static_cast<int32_t>(most_likely == logits.end() ? 0 : most_likely - logits.begin());
  }
  Scratch& scratch = scratch_[static_cast<size_t>(thread)];
  kernels.softmax_weights({logits.data(), scratch.weights.data(), count, largest, 1 / params.temperature});
  const float floor = find_floor({kernels, scratch.weights, scratch.few}, params);

  // Among what is kept, in the order of ids: the token at which the running sum passes the draw's share of
  // the whole.
  double total = 0;
  for (int64_t block = 0; block * kDrawBlock < count; ++block) {
    const int64_t first = block * kDrawBlock;
    const double mass = kernels
                            .sum_above(&scratch.weights[static_cast<size_t>(first)],
                                       std::min(kDrawBlock, count - first), floor)
                            .mass;
    scratch.masses[static_cast<size_t>(block)] = mass;
    total += mass;
  }
  int64_t first = 0;  // of the block that holds the draw, or of the last one that holds anything
  double before = 0, passed = 0;
  for (int64_t block = 0; block * kDrawBlock < count && passed <= params.uniform * total; ++block) {
    const double mass = scratch.masses[static_cast<size_t>(block)];
    if (mass == 0) continue;
    first = block * kDrawBlock;
    before = passed;
    passed += mass;
  }
  double left = params.uniform * total - before;
  int32_t token = 0;
  for (int64_t i = first; i < std::min(first + kDrawBlock, count) && left >= 0; ++i) {
    const float weight = scratch.weights[static_cast<size_t>(i)];
    if (weight < floor || weight == 0) continue;
    token = static_cast<int32_t>(i);
    left -= weight;
  }
  return token;
}

}  // namespace quern::cpu
