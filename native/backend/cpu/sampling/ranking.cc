#include "backend/cpu/sampling/ranking.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "backend/cpu/sampling/floor_search.h"

namespace quern::cpu {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kFew = 256;         // that are sorted rather than halved further
constexpr int64_t kSampleShare = 32;  // a guess looks at one of so many
constexpr int64_t kSampleNumbers = kBlockNumbers / kSampleShare;

WeightSum operator+(const WeightSum& a, const WeightSum& b) {
  return {a.mass + b.mass, a.count + b.count};
}

}  // namespace

void Ranking::Scratch::reserve(int vocab) {
  const auto size = static_cast<size_t>(vocab);
  keys = Buffer((size + kMostLanes) * sizeof(float));
  masses = Buffer((size + kMostLanes) * sizeof(float));
  block_largest = Buffer((size / kBlockNumbers + 1) * sizeof(float));
  thresholds.reserve(size / kBlockNumbers + 1);
  few.reserve(2 * kFew);
}

// The largest numbers of blocks are numbers too: so many of them lie at or above the count-th largest.
float Ranking::about(int64_t count, float least) {
  auto& thresholds = scratch_.thresholds;
  thresholds.resize(static_cast<size_t>((count_ + kBlockNumbers - 1) / kBlockNumbers));
  if (count > static_cast<int64_t>(thresholds.size())) return least;
  kernels_.block_largest(keys_, count_, thresholds.data());
  const auto nth = thresholds.begin() + (count - 1);
  std::nth_element(thresholds.begin(), nth, thresholds.end(), std::greater<>());
  return std::max(least, *nth);
}

float Ranking::floor_for(const Quota& quota, float least) {
  Range range{least, kInfinity, {0, count_}, {}};  // at most so many
  // Nearly always a few hundred are enough, unless so few cannot have the mass.
  const int64_t blocks = count_ / kBlockNumbers;
  const bool may_be_few = quota.count <= blocks / 2 && quota.mass <= static_cast<double>(blocks);
  if (blocks >= 4 && may_be_few) look_at(range, about(blocks / 2, least), quota);
  if (range.inside() > count_ / 16) guess(range, quota);
  halve(range, quota, kFew);
  return look_through(range, quota);
}

// Narrows the range by what lies above `floor`.
void Ranking::look_at(Range& range, float floor, const Quota& quota) const {
  if (!(floor > range.low && floor < range.high)) return;
  const WeightSum sum = beyond_ + above(floor);
  if (quota.met_by(sum)) {
    range.low = floor;
    range.at_low = sum;
  } else {
    range.high = floor;
    range.at_high = sum;
  }
}

// Where the answer would be if a part were like the whole, with some room on both sides.
void Ranking::guess(Range& range, const Quota& quota) const {
  auto* const keys = scratch_.keys.as<float>();
  auto* const masses = scratch_.masses.as<float>();
  int64_t number = 0;
  for (int64_t first = 0; first + kBlockNumbers <= count_; first += kBlockNumbers) {
    std::copy_n(keys_ + first, kSampleNumbers, keys + number);
    std::copy_n(masses_ + first, kSampleNumbers, masses + number);
    number += kSampleNumbers;
  }
  Ranking part(kernels_, scratch_, keys, masses, number);
  part.may_copy_ = false;  // it lies where copies go
  const auto search = [&](const Quota& share) {
    Range inside{range.low, range.high, {0, number}, part.above(range.high)};
    part.halve(inside, share, 16);
    return inside;
  };
  constexpr double kShare = 1.0 / kSampleShare, kDeviations = 2.5;
  if (quota.count > 1) {
    const auto all = static_cast<double>(number);
    const double count = kShare * static_cast<double>(quota.count);
    const double room = kDeviations * std::sqrt(count * std::max(1.0, all - count) / all);
    look_at(range, search({static_cast<int64_t>(count + room)}).low, quota);
    look_at(range, search({static_cast<int64_t>(count - room)}).high, quota);
    return;
  }
  // Either what lies above or what is to lie below tells it better: the one of smaller masses.
  const double sum = part.above(range.low).mass;
  const float floor = search({1, sum * quota.mass / quota.whole}).low;
  double squares_above = 0, squares_below = 0;
  for (int64_t i = 0; i < number; ++i)
    (keys[i] >= floor ? squares_above : squares_below) += double{masses[i]} * double{masses[i]};
  const bool by_below = squares_below < squares_above;
  const double wanted = by_below ? sum - kShare * (quota.whole - quota.mass) : kShare * quota.mass;
  const double room = kDeviations * std::sqrt(std::min(squares_above, squares_below));
  constexpr double kNearlyAll = 0.999;
  look_at(range, search({1, std::min(wanted + room, kNearlyAll * sum)}).low, quota);
  look_at(range, search({1, wanted - room}).high, quota);
}

// A binary search over the bits of floats. Once little is left of what it looks at, it goes on with a copy.
void Ranking::halve(Range& range, const Quota& quota, int64_t until) {
  while (range.inside() > until) {
    const int64_t low = ordered_bits(range.low), high = ordered_bits(range.high);
    if (high - low == 1) return;  // many equal keys
    if (may_copy_ && range.inside() < count_ / 8) copy_out(range);
    look_at(range, from_ordered_bits(static_cast<int32_t>(low + (high - low) / 2)), quota);
  }
}

void Ranking::copy_out(const Range& range) {
  auto* const keys = scratch_.keys.as<float>();
  auto* const masses = scratch_.masses.as<float>();
  count_ = kernels_.collect_pairs({keys_, masses_, count_, range.low, range.high, keys, masses});
  keys_ = keys;
  masses_ = masses;
  beyond_ = range.at_high;
}

// Of few, one after the other.
float Ranking::look_through(const Range& range, const Quota& quota) const {
  if (ordered_bits(range.high) - int64_t{ordered_bits(range.low)} == 1) return range.low;
  auto* const keys = scratch_.keys.as<float>();
  auto* const masses = scratch_.masses.as<float>();
  const int64_t found = kernels_.collect_pairs({keys_, masses_, count_, range.low, range.high, keys, masses});
  auto& few = scratch_.few;
  few.resize(static_cast<size_t>(found));
  for (size_t i = 0; i < few.size(); ++i) few[i] = {keys[i], masses[i]};
  std::sort(few.begin(), few.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  WeightSum sum = range.at_high;
  float floor = range.low;
  for (const auto& [key, mass] : few) {
    sum = sum + WeightSum{double{mass}, 1};
    floor = key;
    if (quota.met_by(sum)) break;
  }
  return floor;
}

}  // namespace quern::cpu
