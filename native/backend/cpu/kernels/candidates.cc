// The passes over a row of logits that the rarer filters and logprobs need. A token that a filter dropped has
// the logit -infinity and the weight 0. 4 to 12 bytes a number: bound by the caches. Sums go in pieces whose
// float32 lanes lose nothing that matters, in a fixed order.
#include <limits>

#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {

namespace {

constexpr int64_t kPieceNumbers = 1024;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

F32 where(I32 holds, F32 value) {
  return as_floats(as_bits(value) & reinterpret_cast<U32>(holds));
}
F32 magnitude(F32 value) {
  return as_floats(as_bits(value) & 0x7fffffffu);
}

// The numbers from `first` on, at most a vector, `rest` beyond the end.
F32 load_some(const float* from, int64_t first, int64_t count, float rest) {
  if (first + kLanes <= count) return load(from + first);
  float padded[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) padded[lane] = first + lane < count ? from[first + lane] : rest;
  return load(padded);
}
void store_some(float* to, int64_t first, int64_t count, F32 value) {
  if (first + kLanes <= count) return store(to + first, value);
  store_partial(to + first, value, static_cast<int>(count - first));
}

}  // namespace

void scale(float* values, int64_t count, float factor) {
  for (int64_t i = 0; i < count; i += kLanes)
    store_some(values, i, count, load_some(values, i, count, 0) * splat(factor));
}

// out[block] = the largest number of the block; NaN is passed over.
void block_largest(const float* values, int64_t count, float* out) {
  for (int64_t first = 0; first < count; first += kBlockNumbers) {
    const int64_t end = first + kBlockNumbers < count ? first + kBlockNumbers : count;
    F32 most = splat(-kInfinity);
    for (int64_t i = first; i < end; i += kLanes) most = max(load_some(values, i, end, -kInfinity), most);
    out[first / kBlockNumbers] = largest(most);
  }
}

int64_t collect_ids(const float* values, int64_t count, float from, int32_t* out) {
  int64_t found = 0;
  for (int64_t i = 0; i < count; i += kLanes) {
    if (!any(load_some(values, i, count, -kInfinity) >= splat(from))) continue;
    const int64_t end = i + kLanes < count ? i + kLanes : count;
    for (int64_t id = i; id < end; ++id) {
      if (values[id] >= from) out[found++] = static_cast<int32_t>(id);
    }
  }
  return found;
}

WeightSum mass_above(const MassAboveParams& p) {
  WeightSum result;
  for (int64_t first = 0; first < p.count; first += kPieceNumbers) {
    const int64_t end = first + kPieceNumbers < p.count ? first + kPieceNumbers : p.count;
    F32 mass = {};
    I32 number = {};
    for (int64_t i = first; i < end; i += kLanes) {
      const I32 kept = load_some(p.keys, i, end, -kInfinity) >= splat(p.floor);  // -1 where true
      mass += where(kept, load_some(p.masses, i, end, 0));
      number -= kept;
    }
    result.mass += sum(mass);
    for (int lane = 0; lane < kLanes; ++lane) result.count += number[lane];
  }
  return result;
}

// May write where it has read: never more than that.
int64_t collect_pairs(const CollectPairsParams& p) {
  int64_t found = 0;
  for (int64_t i = 0; i < p.count; i += kLanes) {
    const F32 key = load_some(p.keys, i, p.count, -kInfinity);
    const I32 inside = (key >= splat(p.from)) & (key < splat(p.below));
    const F32 mass = load_some(p.masses, i, p.count, 0);
    store_where(p.out_keys + found, key, inside);
    found += store_where(p.out_masses + found, mass, inside);
  }
  return found;
}

int64_t keep_between(const KeepBetweenParams& p) {
  I32 number = {};
  for (int64_t i = 0; i < p.count; i += kLanes) {
    const F32 key = load_some(p.keys, i, p.count, -kInfinity);
    const I32 kept = (key >= splat(p.floor)) & (key <= splat(p.ceiling));
    number -= kept;
    const F32 logit = load_some(p.logits, i, p.count, -kInfinity);
    store_some(p.logits, i, p.count, kept ? logit : splat(-kInfinity));
    if (p.weights == nullptr) continue;
    store_some(p.weights, i, p.count, where(kept, load_some(p.weights, i, p.count, 0)));
  }
  int64_t result = 0;
  for (int lane = 0; lane < kLanes; ++lane) result += number[lane];
  return result;
}

float least_above(const float* values, int64_t count, float floor) {
  F32 least = splat(kInfinity);
  for (int64_t i = 0; i < count; i += kLanes) {
    const F32 value = load_some(values, i, count, -kInfinity);
    least = min(value >= splat(floor) ? value : splat(kInfinity), least);
  }
  return -largest(-least);
}

// Of the finite numbers, shifted.
Moments moments(const float* values, int64_t count, float shift) {
  Moments result;
  for (int64_t first = 0; first < count; first += kPieceNumbers) {
    const int64_t end = first + kPieceNumbers < count ? first + kPieceNumbers : count;
    F32 total = {}, squares = {};
    I32 number = {};
    for (int64_t i = first; i < end; i += kLanes) {
      const F32 value = load_some(values, i, end, kInfinity);
      const I32 finite = magnitude(value) < splat(kInfinity);
      const F32 shifted = where(finite, value - splat(shift));
      total += shifted;
      squares += shifted * shifted;
      number -= finite;
    }
    result.sum += sum(total);
    result.squares += sum(squares);
    for (int lane = 0; lane < kLanes; ++lane) result.count += number[lane];
  }
  return result;
}

double weighted_sum(const float* weights, const float* values, int64_t count, float shift) {
  double result = 0;
  for (int64_t first = 0; first < count; first += kPieceNumbers) {
    const int64_t end = first + kPieceNumbers < count ? first + kPieceNumbers : count;
    F32 total = {};
    for (int64_t i = first; i < end; i += kLanes) {
      const F32 weight = load_some(weights, i, end, 0);
      total += where(weight > splat(0), weight * (load_some(values, i, end, 0) - splat(shift)));
    }
    result += sum(total);
  }
  return result;
}

// out[i] = -|values[i] - centre|
void closeness(const float* values, int64_t count, float centre, float* out) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const F32 distance = magnitude(load_some(values, i, count, 0) - splat(centre));
    store_some(out, i, count, as_floats(as_bits(distance) | 0x80000000u));
  }
}

}  // namespace quern::cpu::QUERN_ISA
