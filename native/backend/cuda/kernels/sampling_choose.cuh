// A token of one row, by one block.
#pragma once
#include "backend/cuda/kernels/sampling_row.cuh"

namespace quern::cuda {

constexpr int kChooseThreads = 512;
constexpr int kMostGathered = 2048;  // keys that are searched in shared memory
constexpr int kMostCompared = 32;    // of those, that are compared each with all, one a lane

// Some tokens' number and mass.
struct Amount {
  unsigned count;
  Mass mass;
};
__device__ __forceinline__ Amount operator+(const Amount& a, const Amount& b) {
  return {a.count + b.count, a.mass + b.mass};
}
__device__ __forceinline__ Amount from_lane(const Amount& value, int apart) {
  return {from_lane(value.count, apart), from_lane(value.mass, apart)};
}

// What tokens that are kept must have together.
struct Quota {
  unsigned count;
  double mass;
  __device__ __forceinline__ bool is_met_by(const Amount& amount) const {
    return amount.count >= count && static_cast<double>(amount.mass) >= mass;
  }
};

struct ChooseScratch {
  uint32_t gathered[kMostGathered];
  Mass gathered_masses[kMostGathered];
  int gathered_count;
  uint32_t compared[kMostCompared];
  Mass compared_masses[kMostCompared];
  int compared_count;
  BlockScratch<Amount> amounts;
  BlockScratch<Mass> masses;
  BlockScratch<unsigned> counts;
  BlockScratch<float> floats;
  BlockScratch<int> ints;
  int chunk;    // where a draw falls,
  Mass before;  // and what lies before that chunk
  int32_t token;
};

// How far down a row's keys a quota reaches: the whole block asks. Amounts grow with the key that they go up
// to.
struct Search {
  const RowView& row;
  float largest, scale;
  ChooseScratch& scratch;

  // The answer is in (low, high].
  int64_t low, high;
  Amount at_low, at_high;

  __device__ __forceinline__ uint32_t chunk_key(int chunk) const {
    return key_of(distance_of(row.largest[chunk], largest, scale));
  }

  // Calls `look` with each chunk that has keys up to `most`.
  template <typename Look>
  __device__ __forceinline__ void for_chunks_up_to(uint32_t most, Look look) const {
    for (int first = warp_id() * 32; first < row.chunks; first += kChooseThreads) {
      const int chunk = first + lane_id();
      unsigned left =
          __ballot_sync(kAllLanes, chunk < row.chunks && chunk_key(min(chunk, row.chunks - 1)) <= most);
      for (; left != 0; left &= left - 1) look(first + __ffs(static_cast<int>(left)) - 1);
    }
  }

  __device__ Amount count_in_row(uint32_t most) const {
    Amount amount = {};
    for_chunks_up_to(most, [&](int chunk) {
      float numbers[kLaneNumbers];
      load_chunk(row.logits, row.vocab, chunk, numbers);
#pragma unroll
      for (int j = 0; j < kLaneNumbers; ++j) {
        const uint32_t key = key_of(distance_of(numbers[j], largest, scale));
        if (key > most) continue;
        ++amount.count;
        amount.mass += mass_at(key);
      }
    });
    return block_sum(amount, scratch.amounts);
  }
  // Beside what is up to `low`.
  __device__ Amount count_gathered(uint32_t most) const {
    Amount amount = {};
    for (int i = static_cast<int>(threadIdx.x); i < scratch.gathered_count; i += kChooseThreads) {
      if (scratch.gathered[i] > most) continue;
      ++amount.count;
      amount.mass += scratch.gathered_masses[i];
    }
    return block_sum(amount, scratch.amounts);
  }

  // Copies out the keys that are in (low, high].
  __device__ void gather() const {
    if (threadIdx.x == 0) scratch.gathered_count = 0;
    __syncthreads();
    for_chunks_up_to(static_cast<uint32_t>(high), [&](int chunk) {
      float numbers[kLaneNumbers];
      load_chunk(row.logits, row.vocab, chunk, numbers);
#pragma unroll
      for (int j = 0; j < kLaneNumbers; ++j) {
        const uint32_t key = key_of(distance_of(numbers[j], largest, scale));
        if (key <= low || key > high) continue;
        const int at = atomicAdd(&scratch.gathered_count, 1);
        scratch.gathered[at] = key;
        scratch.gathered_masses[at] = mass_at(key);
      }
    });
    __syncthreads();
  }

  // Finds the answer among the gathered keys that are in (low, high], which are few: every warp for itself,
  // without a barrier more.
  __device__ void compare(const Quota& quota) {
    if (threadIdx.x == 0) scratch.compared_count = 0;
    __syncthreads();
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < scratch.gathered_count; i += kChooseThreads) {
      if (scratch.gathered[i] <= low || scratch.gathered[i] > high) continue;
      const int at = atomicAdd(&scratch.compared_count, 1);
      scratch.compared[at] = scratch.gathered[i];
      scratch.compared_masses[at] = scratch.gathered_masses[i];
    }
    __syncthreads();
    const int count = scratch.compared_count;
    const uint32_t mine = scratch.compared[min(lane_id(), count - 1)];
    Amount amount = at_low;
#pragma unroll 1
    for (int i = 0; i < count; ++i)
      if (scratch.compared[i] <= mine) amount = amount + Amount{1, scratch.compared_masses[i]};
    high = warp_combine(quota.is_met_by(amount) ? mine : static_cast<uint32_t>(high),
                        [](uint32_t a, uint32_t b) { return min(a, b); });
    const int of = __ffs(static_cast<int>(__ballot_sync(kAllLanes, mine == high))) - 1;
    at_high = {__shfl_sync(kAllLanes, amount.count, of), __shfl_sync(kAllLanes, amount.mass, of)};
  }

  __device__ void look_at(int64_t middle, const Amount& amount, const Quota& quota) {
    if (quota.is_met_by(amount)) {
      high = middle;
      at_high = amount;
    } else {
      low = middle;
      at_low = amount;
    }
  }

  // Distances are halved first, for few lie far down; later keys, which comes to an end whatever they are.
  __device__ int64_t middle_of(int round) const {
    constexpr int kMostHalvings = 12;
    constexpr float kFarthest = -128;  // from where on weights are nothing
    const int64_t middle = low + (high - low) / 2;
    if (round >= kMostHalvings) return middle;
    const float near = low < 0 ? 0.0f : distance_at(static_cast<uint32_t>(low));
    const int64_t between = key_of((near + fmaxf(distance_at(static_cast<uint32_t>(high)), kFarthest)) / 2);
    return between > low && between < high ? between : middle;
  }

  // The smallest key such that what is up to it meets the quota; false where nothing up to `most` does.
  // at_high: what is up to the answer.
  __device__ bool finds(uint32_t most, const Quota& quota) {
    low = -1, high = most;
    at_low = {}, at_high = count_in_row(most);
    if (!quota.is_met_by(at_high)) return false;
    for (int round = 0; high - low > 1 && at_high.count - at_low.count > kMostGathered; ++round) {
      const int64_t middle = middle_of(round);
      look_at(middle, count_in_row(static_cast<uint32_t>(middle)), quota);
    }
    if (high - low == 1) return true;
    gather();
    const Amount apart = at_low;
    for (int round = 0; high - low > 1 && at_high.count - at_low.count > kMostCompared; ++round) {
      const int64_t middle = middle_of(round);
      look_at(middle, apart + count_gathered(static_cast<uint32_t>(middle)), quota);
    }
    if (high - low > 1) compare(quota);
    return true;
  }

  // A key up to which there are at least `count`, and not many more: that of the count-th chunk or of one
  // soon after it, where there are so many.
  __device__ uint32_t about(unsigned count) {
    unsigned reached = static_cast<unsigned>(row.chunks);
    if (count > reached) return kAllKeys;
    const unsigned enough = count + count / 4 + 16;
    low = -1, high = kAllKeys;
    for (int round = 0; high - low > 1 && reached > enough; ++round) {
      const int64_t middle = middle_of(round);
      unsigned up_to = 0;
      for (int chunk = static_cast<int>(threadIdx.x); chunk < row.chunks; chunk += kChooseThreads)
        up_to += chunk_key(chunk) <= middle ? 1 : 0;
      up_to = block_sum(up_to, scratch.counts);
      if (up_to >= count) {
        high = middle;
        reached = up_to;
      } else {
        low = middle;
      }
    }
    return static_cast<uint32_t>(high);
  }
};

// A key that top-p does not pass: tokens of less than an equal share of what may be left out are left out.
__device__ __forceinline__ uint32_t beyond_top_p(float top_p, Mass whole, int vocab) {
  constexpr float kSlack = 0.01f;  // far more than logf() is off by
  const float share = (1 - top_p) * (static_cast<float>(whole) / kMassOfOne) / static_cast<float>(vocab);
  const float distance = fminf(logf(share) - kSlack, 0.0f);
  return min(key_of(distance), kAllKeys);
}

// The first token that has the largest logit.
__device__ int32_t first_largest(const RowView& row, float largest, ChooseScratch& scratch) {
  int first = row.chunks;
  for (int chunk = static_cast<int>(threadIdx.x); chunk < row.chunks; chunk += kChooseThreads)
    if (row.largest[chunk] == largest) first = min(first, chunk);
  first = block_combine(first, scratch.ints, [](int a, int b) { return min(a, b); });
  float numbers[kLaneNumbers];
  load_chunk(row.logits, row.vocab, first, numbers);
  int32_t token = 0;
#pragma unroll
  for (int j = kLaneNumbers - 1; j >= 0; --j) {
    const unsigned equal = __ballot_sync(kAllLanes, numbers[j] == largest);
    if (equal != 0) token = first * kChunkNumbers + 32 * j + __ffs(static_cast<int>(equal)) - 1;
  }
  return token;
}

// The token at which the running sum of masses passes the draw. row.masses: those of what the filter leaves.
__device__ int32_t draw(const RowView& row, const Filter& filter, double uniform, ChooseScratch& scratch) {
  const int of_thread = (row.chunks + kChooseThreads - 1) / kChooseThreads;
  const int first = min(static_cast<int>(threadIdx.x) * of_thread, row.chunks);
  const int last = min(first + of_thread, row.chunks);
  Mass mine = 0;
  for (int chunk = first; chunk < last; ++chunk) mine += row.masses[chunk];
  const Mass up_to_lane = warp_running_sum(mine);
  const Mass whole = block_sum(mine, scratch.masses);
  if (whole == 0) return kNoToken;
  const Mass target = min(static_cast<Mass>(uniform * static_cast<double>(whole)), whole - 1);
  Mass before = up_to_lane - mine;
  for (int warp = 0; warp < warp_id(); ++warp) before += scratch.masses.of_warp[warp];
  if (before <= target && target < before + mine) {
    int chunk = first;
    for (; before + row.masses[chunk] <= target; ++chunk) before += row.masses[chunk];
    scratch.chunk = chunk;
    scratch.before = before;
  }
  __syncthreads();
  float numbers[kLaneNumbers];
  load_chunk(row.logits, row.vocab, scratch.chunk, numbers);
  before = scratch.before;
  int32_t token = -1;
#pragma unroll
  for (int j = 0; j < kLaneNumbers; ++j) {
    const Mass up_to = before + warp_running_sum(mass_of(numbers[j], filter));
    const unsigned beyond = __ballot_sync(kAllLanes, up_to > target);
    if (token < 0 && beyond != 0)
      token = scratch.chunk * kChunkNumbers + 32 * j + __ffs(static_cast<int>(beyond)) - 1;
    before = __shfl_sync(kAllLanes, up_to, 31);
  }
  return token;
}

__device__ int32_t choose_token(const SamplingRow& wanted, const RowView& row, ChooseScratch& scratch) {
  const float largest = largest_chunk(row.largest, row.chunks, scratch.floats);
  if (!isfinite(largest)) return kNoToken;
  if (wanted.scale == 0) return first_largest(row, largest, scratch);
  Filter filter = {largest, wanted.scale, kAllKeys, wanted.min_p};
  Search search = {row, largest, wanted.scale, scratch, 0, 0, {}, {}};
  const bool is_weighed = wanted.top_k == 0;  // by weigh()
  if (wanted.top_k > 0) {
    const auto count = static_cast<unsigned>(wanted.top_k);
    search.finds(search.about(count), {count, 0});
    filter.most = static_cast<uint32_t>(search.high);
  }
  if (wanted.top_p < 1) {
    Mass whole = search.at_high.mass;
    uint32_t most = filter.most;
    if (is_weighed) {
      Mass mine = 0;
      for (int chunk = static_cast<int>(threadIdx.x); chunk < row.chunks; chunk += kChooseThreads)
        mine += row.masses[chunk];
      whole = block_sum(mine, scratch.masses);
      most = beyond_top_p(wanted.top_p, whole, row.vocab);
    }
    const Quota quota = {1, static_cast<double>(fmaxf(wanted.top_p, 0)) * static_cast<double>(whole)};
    if (!search.finds(most, quota) && most < filter.most) search.finds(filter.most, quota);
    filter.most = static_cast<uint32_t>(search.high);
  }
  if (!is_weighed || wanted.top_p < 1) {
    __syncthreads();
    for (int chunk = warp_id(); chunk < row.chunks; chunk += kChooseThreads / 32) {
      const Mass mass =
          search.chunk_key(chunk) > filter.most ? 0 : chunk_mass(row.logits, row.vocab, chunk, filter);
      if (lane_id() == 0) row.masses[chunk] = mass;
    }
    __syncthreads();
  }
  return draw(row, filter, wanted.uniform, scratch);
}

}  // namespace quern::cuda
