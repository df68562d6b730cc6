#include "backend/cpu/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace quern::cpu {

namespace {

constexpr int kBuckets = 32 * 64 + 1;
constexpr uint32_t kOne = 0x3f800000u;  // the bits of 1.0f, the largest weight
constexpr int kBucketShift = 17;        // leaves exponent and six bits of mantissa

int bucket_of(float weight) {
  return static_cast<int>(
      std::min<uint32_t>((kOne - std::bit_cast<uint32_t>(weight)) >> kBucketShift, kBuckets - 1));
}

}  // namespace

void Sampler::reserve(int vocab, int threads) {
  scratch_.resize(static_cast<size_t>(threads));
  for (Scratch& scratch : scratch_) {
    scratch.weights.resize(static_cast<size_t>(vocab));
    scratch.crossing.reserve(static_cast<size_t>(vocab));
    scratch.buckets.resize(kBuckets);
  }
}

int32_t Sampler::sample(const Kernels& kernels, int thread, std::span<const float> logits,
                        const SampleParams& params) {
  const auto count = static_cast<int64_t>(logits.size());
  const float largest = kernels.largest(logits.data(), count);
  const auto most_likely = std::find(logits.begin(), logits.end(), largest);
  const auto greedy = static_cast<int32_t>(most_likely == logits.end() ? 0 : most_likely - logits.begin());
  if (params.temperature <= 0 || !std::isfinite(largest)) return greedy;

  Scratch& scratch = scratch_[static_cast<size_t>(thread)];
  kernels.softmax_weights({logits.data(), scratch.weights.data(), count, largest, 1 / params.temperature});
  for (float& weight : scratch.weights)
    weight = weight >= 0 ? std::min(weight, 1.0f) : 0.0f;  // NaN logits weigh nothing
  const float floor = find_floor(scratch, params);

  double total = 0;
  for (const float weight : scratch.weights) total += weight >= floor ? weight : 0.0f;
  double left = params.uniform * total;
  int32_t token = greedy;
  for (int64_t i = 0; i < count; ++i) {
    const float weight = scratch.weights[static_cast<size_t>(i)];
    if (weight < floor || weight == 0) continue;
    token = static_cast<int32_t>(i);
    left -= weight;
    if (left < 0) break;
  }
  return token;
}

float Sampler::find_floor(Scratch& scratch, const SampleParams& params) {
  const auto vocab = static_cast<int32_t>(scratch.weights.size());
  const bool limits_count = params.top_k > 0 && params.top_k < vocab, limits_mass = params.top_p < 1;
  float floor = params.min_p;
  if (!limits_count && !limits_mass) return floor;

  auto& buckets = scratch.buckets;
  std::fill(buckets.begin(), buckets.end(), Bucket{});
  for (const float weight : scratch.weights) {
    Bucket& bucket = buckets[static_cast<size_t>(bucket_of(weight))];
    bucket.mass += weight;
    ++bucket.count;
  }
  const auto collect = [&](int index) {
    scratch.crossing.clear();
    for (const float weight : scratch.weights) {
      if (bucket_of(weight) == index) scratch.crossing.push_back(weight);
    }
  };

  int last = kBuckets - 1;  // the bucket that holds the k-th largest weight
  float kth = 0;
  double total = 0;  // mass of what top-k keeps
  if (limits_count) {
    int64_t above = 0;
    for (last = 0; above + buckets[static_cast<size_t>(last)].count < params.top_k; ++last) {
      above += buckets[static_cast<size_t>(last)].count;
      total += buckets[static_cast<size_t>(last)].mass;
    }
    collect(last);
    const auto at = scratch.crossing.begin() + (params.top_k - above - 1);
    std::nth_element(scratch.crossing.begin(), at, scratch.crossing.end(), std::greater<>());
    kth = *at;
    for (const float weight : scratch.crossing) total += weight >= kth ? weight : 0.0f;
    floor = std::max(floor, kth);
  } else {
    for (const Bucket& bucket : buckets) total += bucket.mass;
  }
  if (!limits_mass) return floor;

  const double wanted = std::max(0.0f, params.top_p) * total;
  double mass = 0;
  int crossing = 0;
  while (crossing < last && mass + buckets[static_cast<size_t>(crossing)].mass < wanted)
    mass += buckets[static_cast<size_t>(crossing++)].mass;
  collect(crossing);
  std::sort(scratch.crossing.begin(), scratch.crossing.end(), std::greater<>());
  float reached = kth;
  for (const float weight : scratch.crossing) {
    if (weight < kth) break;
    reached = weight;
    mass += weight;
    if (mass >= wanted) break;
  }
  return std::max(floor, reached);
}

}  // namespace quern::cpu
