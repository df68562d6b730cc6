// The operations of backend.h as structs of device addresses, and who launches them. `plain_*` are for
// precision 'exact' (float32 in every place, one simple kernel an operation); the others work on bf16 with
// tensor cores. What lies between operations (q, attended, hidden) is bf16 in fast, f32 in plain; the
// residual stream x is f32 in both. All tensors are dense: [rows, cols].
#pragma once
#include <cstdint>

#include "backend/cuda/kernels/kv_cache.h"
#include "backend/cuda/kernels/matrix.h"
#include "backend/cuda/kernels/step.h"

namespace quern::cuda {

// x[row] = table[token of row].
struct Embed {
  StepTables step;
  Matrix table;
  float* x = nullptr;  // [rows, table.cols]
  bool operator==(const Embed&) const = default;
};
void embed(const Embed& op, StreamEnd at);

// RMSNorm: out = x / sqrt(mean(x^2) + eps) * weight, for rows of x, or for chosen ones.
struct Norm {
  const float* x = nullptr;         // [*, cols]
  const int32_t* chosen = nullptr;  // [rows]; null: the first rows
  const float* weight = nullptr;    // [cols]
  float eps = 0;
  int rows = 0, cols = 0;
  void* out = nullptr;  // [rows, cols], f32 or bf16
  bool out_is_bf16 = false;
  bool operator==(const Norm&) const = default;
};
void norm(const Norm& op, StreamEnd at);

// Scratch that a stream lends to its operations, one after the other.
struct Workspace {
  void* normed = nullptr;      // rows * hidden f32 (plain) or bf16
  float* products = nullptr;   // rows * (heads + 2 kv_heads) * head_dim f32
  float* partials = nullptr;   // of attention
  int64_t most_partials = 0;   // numbers in `partials`
  int32_t* tickets = nullptr;  // zero before and after every operation
  int most_tickets = 0;
  int multiprocessors = 1;  // of the device
  bool operator==(const Workspace&) const = default;
};

// Normalises x, projects it to queries, keys and values (with bias, then a norm over each head where there is
// one), rotates queries and keys, stores keys and values in their pages.
struct AttentionInput {
  StepTables step;
  const float* x = nullptr;     // [rows, hidden]
  const float* norm = nullptr;  // [hidden]
  float eps = 0;                // of all three norms
  Matrix q, k, v;
  const float *q_norm = nullptr, *k_norm = nullptr;  // [head_dim]; null: none
  Turn turn;
  KvCache kv;
  void* q_out = nullptr;  // [rows, q.rows]
  Workspace workspace;
  bool operator==(const AttentionInput&) const = default;
};
void attention_input(const AttentionInput& op, StreamEnd at);
void plain_attention_input(const AttentionInput& op, StreamEnd at);

// Attention of every row over its own sequence's pages: softmax(q k^T / sqrt(head_dim) + slope (j - i)) v
// over the positions j <= i with (window == 0 or j > i - window or j < sinks). Query head h goes with
// key/value head h / (heads / kv_heads). Positions below `sinks` are scored with q turned once more, by
// sink_turn (backend.h).
struct Attention {
  StepTables step;
  const void* q = nullptr;  // [rows, heads * head_dim]
  void* out = nullptr;      // likewise
  int heads = 0;
  KvCache kv;
  int window = 0, sinks = 0;
  const float* slopes = nullptr;  // [heads], of the device; null: none
  Turn sink_turn;
  int longest = 0;        // no row's position is beyond this one
  bool is_plain = false;  // q and out are f32
  Workspace workspace;
  bool operator==(const Attention&) const = default;
};
void attention(const Attention& op, StreamEnd at);
// For any head_dim and any type of keys and values, in f32 arithmetic; q and out are f32, or bf16 where
// !is_plain.
void plain_attention(const Attention& op, StreamEnd at);

// x += in w^T (+ bias).
struct MatmulAdd {
  Matrix w;
  const void* in = nullptr;  // [rows, w.cols]
  int rows = 0;
  float* x = nullptr;  // [rows, w.rows]
  Workspace workspace;
  bool operator==(const MatmulAdd&) const = default;
};
void matmul_add(const MatmulAdd& op, StreamEnd at);
void plain_matmul_add(const MatmulAdd& op, StreamEnd at);

// Normalises x and computes silu(gate) * up.
struct FfnInput {
  const float* x = nullptr;  // [rows, hidden]
  int rows = 0;
  const float* norm = nullptr;
  float eps = 0;
  Matrix gate, up;
  void* out = nullptr;  // [rows, gate.rows]
  Workspace workspace;
  bool operator==(const FfnInput&) const = default;
};
void ffn_input(const FfnInput& op, StreamEnd at);
void plain_ffn_input(const FfnInput& op, StreamEnd at);

// The last norm and the output matrix, for chosen rows of x.
struct Logits {
  const float* x = nullptr;
  const int32_t* chosen = nullptr;  // [rows], of the device
  int rows = 0;
  const float* norm = nullptr;
  float eps = 0;
  Matrix head;
  float* out = nullptr;  // [rows, head.rows]
  Workspace workspace;
  bool operator==(const Logits&) const = default;
};
void logits(const Logits& op, StreamEnd at);
void plain_logits(const Logits& op, StreamEnd at);

}  // namespace quern::cuda
