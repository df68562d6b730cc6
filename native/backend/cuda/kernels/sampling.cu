// Tokens and log-probabilities from rows of logits z.
//
//   token: changes of single logits, then weights w = e^((z - max z) / temperature), of which top-k, top-p
//   and min-p keep those of at least some value, then the token at which the sum of weights, in the order of
//   ids, passes `uniform` of the whole. What ties with the last that a filter keeps is kept. log-probability:
//   z - max z - ln(sum of e^(z - max z)) of the logits as they came.
//
// Shapes: logits [rows, vocab] f32. Bytes: 4 rows * vocab once for the likeliest token, once more for what
// depends on the mass of all, and of what filters leave a few times, from L2. Bound by launches and by L2.
// Design: three kernels. `survey` finds the largest logit of every chunk of 128; `weigh`, where some row
// needs it, the mass of every chunk; `choose`, a block for each row, looks only at chunks whose largest logit
// may matter. Which tokens a filter leaves is a search for their least distance from the likeliest, by halves
// until a warp's lanes have one of what is left each (sampling_choose.cuh), so nothing is sorted. Masses are
// integers, so that their sums do not depend on the grid.
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/previous.cuh"
#include "backend/cuda/kernels/sampling_choose.cuh"
#include "backend/cuda/kernels/sampling_logprobs.cuh"

namespace quern::cuda {

namespace {

constexpr int kSurveyThreads = 256;

// The first change of a token that is not below this one.
__device__ int first_change(const SamplingRow& wanted, int token) {
  int low = 0, high = wanted.change_count;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (wanted.changes[middle].token < token)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

__device__ __forceinline__ float changed(const SamplingRow& wanted, const TokenChange& change, float logit) {
  logit += change.bias;
  if (wanted.repetition != 1 && change.generated >= 0)
    logit = logit > 0 ? logit / wanted.repetition : logit * wanted.repetition;
  if (change.generated > 0) {
    if (wanted.frequency != 0) logit -= wanted.frequency * static_cast<float>(change.generated);
    if (wanted.presence != 0) logit -= wanted.presence;
  }
  return logit;
}

// Calls `look` with each chunk of this block's piece.
template <typename Look>
__device__ __forceinline__ void for_piece_chunks(int chunks, Look look) {
  const int first = static_cast<int>(blockIdx.x) * kPieceChunks;
  for (int chunk = first + warp_id(); chunk < min(first + kPieceChunks, chunks); chunk += kSurveyThreads / 32)
    look(chunk);
}

__global__ void __launch_bounds__(kSurveyThreads) survey(SampleRows op) {
  wait_for_previous();
  const int row = static_cast<int>(blockIdx.y), chunks = op.chunks;
  const SamplingRow& wanted = op.wanted[row];
  float* const logits = op.logits + static_cast<int64_t>(row) * op.vocab;
  const int64_t of_row = static_cast<int64_t>(row) * chunks;
  float numbers[kLaneNumbers];

  if (wanted.wants_logprobs) {
    for_piece_chunks(chunks, [&](int chunk) {
      load_chunk(logits, op.vocab, chunk, numbers);
      const float largest = largest_of(numbers);
      float mass = 0;
#pragma unroll
      for (int j = 0; j < kLaneNumbers; ++j) mass += expf(numbers[j] - largest);
      mass = warp_sum(mass);
      if (lane_id() == 0) {
        op.raw_largest[of_row + chunk] = largest;
        op.raw_masses[of_row + chunk] = largest == -CUDART_INF_F ? 0 : mass;
      }
    });
  }
  if (wanted.slot < 0) return;

  if (wanted.change_count > 0) {
    __syncthreads();
    const int begin = static_cast<int>(blockIdx.x) * kPieceChunks * kChunkNumbers;
    const int last = first_change(wanted, begin + kPieceChunks * kChunkNumbers);
    for (int i = first_change(wanted, begin) + static_cast<int>(threadIdx.x); i < last; i += kSurveyThreads) {
      TokenChange& change = wanted.changes[i];
      change.raw = logits[change.token];
      logits[change.token] = changed(wanted, change, change.raw);
    }
    __syncthreads();
  }
  for_piece_chunks(chunks, [&](int chunk) {
    load_chunk(logits, op.vocab, chunk, numbers);
    const float largest = largest_of(numbers);
    if (lane_id() == 0) op.largest[of_row + chunk] = largest;
  });
}

// The masses of all tokens, for rows whose filters begin with them.
__global__ void __launch_bounds__(kSurveyThreads) weigh(SampleRows op) {
  wait_for_previous();
  __shared__ BlockScratch<float> scratch;
  const int row = static_cast<int>(blockIdx.y), chunks = op.chunks;
  const SamplingRow& wanted = op.wanted[row];
  if (wanted.slot < 0 || wanted.scale == 0 || wanted.top_k > 0) return;
  const int64_t of_row = static_cast<int64_t>(row) * chunks;
  Filter filter = {largest_chunk(op.largest + of_row, chunks, scratch), wanted.scale};
  if (!isfinite(filter.largest)) return;
  if (wanted.top_p >= 1) filter.least = wanted.min_p;
  for_piece_chunks(chunks, [&](int chunk) {
    const Mass mass = chunk_mass(op.logits + static_cast<int64_t>(row) * op.vocab, op.vocab, chunk, filter);
    if (lane_id() == 0) op.masses[of_row + chunk] = mass;
  });
}

__global__ void __launch_bounds__(kChooseThreads, 1) choose(SampleRows op) {
  wait_for_previous();
  __shared__ union {
    ChooseScratch choose;
    LogprobScratch logprobs;
  } scratch;
  const int row = static_cast<int>(blockIdx.x), chunks = op.chunks;
  const SamplingRow& wanted = op.wanted[row];
  const int64_t of_row = static_cast<int64_t>(row) * chunks;
  float* const logits = op.logits + static_cast<int64_t>(row) * op.vocab;
  SamplingResult result = {};
  if (wanted.slot >= 0) {
    const RowView view = {logits, op.vocab, op.largest + of_row, chunks, op.masses + of_row};
    result.token = choose_token(wanted, view, scratch.choose);
    if (threadIdx.x == 0) op.drawn[wanted.slot] = max(result.token, 0);
    __syncthreads();
  }
  if (wanted.wants_logprobs) {
    for (int i = static_cast<int>(threadIdx.x); i < wanted.change_count; i += kChooseThreads)
      logits[wanted.changes[i].token] = wanted.changes[i].raw;
    __syncthreads();
    const RowView view = {logits, op.vocab, op.raw_largest + of_row, chunks, nullptr};
    find_logits(wanted, view, op.raw_masses + of_row, result, scratch.logprobs);
  }
  if (threadIdx.x == 0) op.results[row] = result;
}

}  // namespace

void sample_rows(const SampleRows& op, StreamEnd at) {
  const int pieces = (op.chunks + kPieceChunks - 1) / kPieceChunks;
  const dim3 grid(static_cast<unsigned>(pieces), static_cast<unsigned>(op.rows));
  launch_kernel("survey", survey, grid, kSurveyThreads, 0, at, op);
  at = at.behind_kernel();
  if (op.weighs) launch_kernel("weigh", weigh, grid, kSurveyThreads, 0, at, op);
  launch_kernel("choose", choose, static_cast<unsigned>(op.rows), kChooseThreads, 0, at, op);
}

}  // namespace quern::cuda
