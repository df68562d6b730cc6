// What log-probabilities of one row are made of, by one block: the largest logit, the mass, the logits of
// tokens that are asked for, and the likeliest in order.
#pragma once
#include "backend/cuda/kernels/sampling_choose.cuh"

namespace quern::cuda {

struct LogprobScratch {
  BlockScratch<float> floats;
  BlockScratch<double> doubles;
  BlockScratch<Mass> bests;
};

// A chunk by its largest logit, such that of two the larger integer is the likelier, or the lower chunk; and
// the logit again.
__device__ __forceinline__ Mass packed(float largest, int chunk) {
  const uint32_t bits = __float_as_uint(largest);
  const uint32_t ordered = bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
  return static_cast<Mass>(ordered) << 32 | ~static_cast<uint32_t>(chunk);
}
__device__ __forceinline__ float unpacked(Mass best) {
  const auto ordered = static_cast<uint32_t>(best >> 32);
  return __uint_as_float(ordered ^ (ordered >> 31 ? 0x80000000u : 0xffffffffu));
}

// The likeliest tokens, one after the other: the chunk that has the next, the first of its largest logits
// that was not taken yet, and then what is the chunk's largest after that. row.largest is used up.
__device__ void find_likeliest(const RowView& row, int count, FoundLogit* found, LogprobScratch& scratch) {
  FoundLogit last;  // known to warp 0 alone
  last.logit = CUDART_INF_F;
  const auto is_left = [&](float logit, int token) {
    return logit < last.logit || (logit == last.logit && token > last.token);
  };
  for (int i = 0; i < count; ++i) {
    Mass best = 0;
    for (int chunk = static_cast<int>(threadIdx.x); chunk < row.chunks; chunk += kChooseThreads)
      best = max(best, packed(row.largest[chunk], chunk));
    best = block_combine(best, scratch.bests, [](Mass a, Mass b) { return max(a, b); });
    const int chunk = static_cast<int>(~static_cast<uint32_t>(best));
    const float logit = unpacked(best);
    if (logit == -CUDART_INF_F) {
      for (int rest = i + static_cast<int>(threadIdx.x); rest < count; rest += kChooseThreads)
        found[rest] = {};
      return;
    }
    if (warp_id() == 0) {
      float numbers[kLaneNumbers];
      load_chunk(row.logits, row.vocab, chunk, numbers);
      int token = -1;
#pragma unroll
      for (int j = kLaneNumbers - 1; j >= 0; --j) {
        const int first = chunk * kChunkNumbers + 32 * j;
        const unsigned equal =
            __ballot_sync(kAllLanes, numbers[j] == logit && is_left(logit, first + lane_id()));
        if (equal != 0) token = first + __ffs(static_cast<int>(equal)) - 1;
      }
      last.token = token;
      last.logit = logit;
      float next = -CUDART_INF_F;
#pragma unroll
      for (int j = 0; j < kLaneNumbers; ++j)
        if (is_left(numbers[j], chunk * kChunkNumbers + 32 * j + lane_id())) next = fmaxf(next, numbers[j]);
      next = warp_largest(next);
      if (lane_id() == 0) {
        row.largest[chunk] = next;
        found[i] = last;
      }
    }
    __syncthreads();
  }
}

// row: of the logits as they came.
__device__ void find_logits(const SamplingRow& wanted, const RowView& row, const float* masses,
                            SamplingResult& result, LogprobScratch& scratch) {
  const auto thread = static_cast<int>(threadIdx.x);
  result.largest = largest_chunk(row.largest, row.chunks, scratch.floats);
  double mass = 0;
  for (int chunk = thread; chunk < row.chunks; chunk += kChooseThreads)
    mass += static_cast<double>(masses[chunk] * expf(row.largest[chunk] - result.largest));
  result.mass = block_sum(mass, scratch.doubles);
  FoundLogit* found = wanted.found;
  if (wanted.slot >= 0) {
    if (thread == 0 && result.token != kNoToken) *found = {result.token, row.logits[result.token]};
    ++found;
  }
  for (int i = thread; i < wanted.target_count; i += kChooseThreads)
    found[i] = {wanted.targets[i], row.logits[wanted.targets[i]]};
  find_likeliest(row, wanted.top, found + wanted.target_count, scratch);
}

}  // namespace quern::cuda
