// The table of CPU kernels: one instance per instruction set, all from the same sources. Kernels take raw
// pointers in one params struct; partition over threads happens outside. Any split of rows or tokens gives
// the same bits. Matrix products are not among them: they belong to a weight's format (matmul_kernel.h).
#pragma once
#include <cstdint>

#include "core/dtype.h"

namespace quern::cpu {

// out[t, :] = x[t, :] / sqrt(mean(x[t, :]^2) + eps) * weight
struct RmsNormParams {
  const float* x = nullptr;  // [rows, cols] f32, rows x_stride apart
  int64_t x_stride = 0;
  const float* weight = nullptr;  // [cols] f32
  float eps = 0;
  int rows = 0;
  int cols = 0;
  float* out = nullptr;  // [rows, cols] f32, rows out_stride apart; may be x
  int64_t out_stride = 0;
};

// Rotates the first `dim` of a head's numbers in pairs (i, i + dim/2), in place.
struct RotateParams {
  float* x = nullptr;          // one head: [head_dim] f32
  const float* cos = nullptr;  // [dim/2]
  const float* sin = nullptr;  // [dim/2]
  int dim = 0;
};

// out[i] = gate[i] / (1 + e^-gate[i]) * up[i]
struct SiluMulParams {
  const float* gate = nullptr;  // [count] f32
  const float* up = nullptr;    // [count] f32
  float* out = nullptr;         // [count] f32
  int64_t count = 0;
};

struct ConvertParams {
  const void* from = nullptr;  // [count]
  Dtype from_dtype = Dtype::f32;
  void* to = nullptr;  // [count]
  Dtype to_dtype = Dtype::f32;
  int64_t count = 0;
};

// Rows of numbers to rows of ActivationBlock (activation_block.h).
struct QuantizeParams {
  const float* x = nullptr;  // [rows, k] f32, rows x_stride apart
  int64_t x_stride = 0;
  int64_t k = 0;
  int rows = 0;
  void* out = nullptr;  // [rows], activation_row_bytes(k) each
};

// Attention of one tile: some consecutive tokens of one sequence, the query heads that share one key/value
// head, and the positions of one segment. Its result is a partial softmax, which merge_attention folds with
// the others in the order of segments.
struct AttentionParams {
  const float* q = nullptr;  // [tokens, group, head_dim] f32, tokens q_stride apart
  int64_t q_stride = 0;
  int tokens = 0;
  int group = 0;  // query heads of this key/value head
  int head_dim = 0;
  int first_position = 0;         // of the tile's first token
  int most_position = INT32_MAX;  // where tokens behind it count as being
  int window = 0;                 // positions that a token sees, its own among them; 0: all up to its own
  float scale = 0;                // of the scores, 1/sqrt(head_dim)
  const float* slopes = nullptr;  // [group], or none: slope * (j - i) is added to token i's score of j
  const void* keys = nullptr;  // this layer and head: [pages][head_dim, 16], pages page_stride numbers apart
  const void* values = nullptr;  // likewise: [pages][16, head_dim]
  Dtype kv_dtype = Dtype::f32;
  int64_t page_stride = 0;
  const int32_t* pages = nullptr;  // the sequence's page table; pages below what the first token sees: any
  int begin = 0, end = 0;          // positions of the segment, or some of them
  float* state = nullptr;  // in, out: [tokens * group][state_stride]: log2 of the largest weight, the sum of
                           // weights over it, then head_dim weighted values
  int64_t state_stride = 0;
  float* scratch = nullptr;  // attention_scratch(tokens * group, head_dim) floats
};

// attention_begin sets the softmax state of `rows` query rows to "nothing seen"; attention_merge folds
// `other` into it.
struct AttentionStateParams {
  float* state = nullptr;        // [rows][state_stride]
  const float* other = nullptr;  // for merging: the state that covers later positions
  int64_t state_stride = 0;
  int64_t other_stride = 0;
  int rows = 0;
  int head_dim = 0;
};

// Of the weights that are at least some floor.
struct WeightSum {
  double mass = 0;
  int64_t count = 0;
};

struct SoftmaxWeightsParams {
  const float* logits = nullptr;  // [count]
  float* out = nullptr;           // [count]: e^((logits - largest) * scale)
  int64_t count = 0;
  float largest = 0;
  float scale = 1;
};

// The mass and the number of those whose key is at least the floor.
struct MassAboveParams {
  const float* keys = nullptr;    // [count]
  const float* masses = nullptr;  // [count]
  int64_t count = 0;
  float floor = 0;
};

constexpr int kMostLanes = 16;

// Those whose key lies in [from, below), in order.
struct CollectPairsParams {
  const float* keys = nullptr;    // [count]
  const float* masses = nullptr;  // [count]
  int64_t count = 0;
  float from = 0, below = 0;
  float *out_keys = nullptr, *out_masses = nullptr;  // [count + kMostLanes]
};

// Drops those whose key is not in [floor, ceiling]: logit -infinity, weight 0.
struct KeepBetweenParams {
  const float* keys = nullptr;  // [count]; may be the logits or the weights
  float floor = 0, ceiling = 0;
  float* logits = nullptr;   // [count]
  float* weights = nullptr;  // [count], or none
  int64_t count = 0;
};

struct Moments {
  int64_t count = 0;
  double sum = 0, squares = 0;
};

constexpr int64_t kBlockNumbers = 256;  // of block_largest

constexpr int kPagePositions = 16;      // positions of one KV page
constexpr int kAttentionBlock = 64;     // positions that one step of the online softmax takes
constexpr int kAttentionSegment = 512;  // positions that are folded before segments are merged
// The lowest position that is seen from another one.
constexpr int lowest_seen(int position, int window) {
  return window > 0 && position >= window ? position - window + 1 : 0;
}
constexpr int64_t attention_scratch(int64_t query_rows, int64_t head_dim) {
  return 2 * (kAttentionBlock * head_dim + query_rows + kMostLanes) + query_rows * head_dim;
}

struct Kernels {
  const char* name;
  int lanes;
  void (*rms_norm)(const RmsNormParams&);
  void (*rotate)(const RotateParams&);
  void (*silu_mul)(const SiluMulParams&);
  void (*convert)(const ConvertParams&);
  void (*quantize)(const QuantizeParams&);
  void (*attention)(const AttentionParams&);
  void (*attention_begin)(const AttentionStateParams&);
  void (*attention_merge)(const AttentionStateParams&);
  float (*largest)(const float* values, int64_t count);
  void (*softmax_weights)(const SoftmaxWeightsParams&);
  WeightSum (*sum_above)(const float* weights, int64_t count, float floor);
  // Writes the weights in [from, below) to `out`, in order, and returns how many there are.
  int64_t (*collect_between)(const float* weights, int64_t count, float from, float below, float* out);
  void (*scale)(float* values, int64_t count, float factor);
  void (*block_largest)(const float* values, int64_t count, float* out);
  // Writes the indices of numbers that are at least `from`, in order, and returns how many there are.
  int64_t (*collect_ids)(const float* values, int64_t count, float from, int32_t* out);
  WeightSum (*mass_above)(const MassAboveParams&);
  int64_t (*collect_pairs)(const CollectPairsParams&);  // returns how many there are
  int64_t (*keep_between)(const KeepBetweenParams&);    // returns how many stay
  // The least of the numbers that are at least `floor`; infinity if there is none.
  float (*least_above)(const float* values, int64_t count, float floor);
  Moments (*moments)(const float* values, int64_t count, float shift);
  // sum of weights[i] * (values[i] - shift) where the weight is not 0
  double (*weighted_sum)(const float* weights, const float* values, int64_t count, float shift);
  void (*closeness)(const float* values, int64_t count, float centre, float* out);
  float (*read_stream)(const float* from, int64_t count);   // reads all numbers once
  int64_t (*multiply_adds)(int64_t rounds, float* result);  // returns how many it did
};

}  // namespace quern::cpu
