// Rows of logits become tokens, or log-probabilities of given tokens: what device_sampler.cc asks of
// sampling.cu.
#pragma once
#include <cstdint>

#include "backend/cuda/kernels/step.h"

namespace quern::cuda {

constexpr int kChunkNumbers = 128;  // of a row, that a warp looks at together
constexpr int kPieceChunks = 32;    // that a block looks at
constexpr int32_t kNoToken = -1;    // as in backend/sampling.h

// What is done to one token's logit before filters look at it.
struct TokenChange {
  int32_t token = 0;
  int32_t generated = -1;  // how often it was generated; -1: it does not occur in the sequence at all
  float bias = 0;
  float raw = 0;  // the logit before, which the kernels write
};

struct FoundLogit {
  int32_t token = -1;  // below 0: there was none any more
  float logit = 0;
};

// What is wanted of one row.
struct SamplingRow {
  // ---- a draw, where `slot` is not below 0; it is written to drawn[slot], and 0 there for kNoToken
  int32_t slot = -1;
  float scale = 0;  // 1 / temperature; 0: the likeliest token
  int32_t top_k = 0;
  float top_p = 1, min_p = 0;
  float repetition = 1, frequency = 0, presence = 0;
  double uniform = 0;
  TokenChange* changes = nullptr;  // in the order of tokens
  int32_t change_count = 0;
  // ---- of the logits as they came
  int32_t wants_logprobs = 0;
  const int32_t* targets = nullptr;
  int32_t target_count = 0;
  int32_t top = 0;
  FoundLogit* found = nullptr;  // the token that was drawn, or the targets; then the likeliest
};

struct SamplingResult {
  int32_t token = 0;
  float largest = 0;  // of the logits as they came
  double mass = 0;    // sum of e^(logit - largest)
};

struct SampleRows {
  float* logits = nullptr;  // [rows, vocab], worthless afterwards
  int rows = 0, vocab = 0, chunks = 0;
  bool weighs = false;  // there is a row whose filters depend on the mass of all tokens
  const SamplingRow* wanted = nullptr;
  SamplingResult* results = nullptr;
  int32_t* drawn = nullptr;
  // Scratch, [rows, chunks] each.
  float* largest = nullptr;
  float* raw_largest = nullptr;
  float* raw_masses = nullptr;
  unsigned long long* masses = nullptr;

  bool operator==(const SampleRows&) const = default;
};
constexpr int chunks_of(int vocab) {
  return (vocab + kChunkNumbers - 1) / kChunkNumbers;
}
void sample_rows(const SampleRows& op, StreamEnd at);

}  // namespace quern::cuda
