// How a device that lies in a library of its own, and the process that uses it, see each other: plain C, so
// that neither needs the other's compiler, C++ library or memory allocator. device.h makes a Device of a
// library; entry.h makes a library of a Device. What the functions do, and in which order they are called, is
// said in backend/backend.h.
//
// Whoever changes this file counts QUERN_DEVICE_ABI up: a library of another number is refused.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QUERN_DEVICE_ABI 8u

// 0: done. Else the function failed, has written why to its `failure`, and nothing to what it would give.
typedef int32_t QuernStatus;

// Text ends with a zero byte; what does not fit is cut off.
typedef struct QuernFailure {
  char code[32];  // a member of QuernErrorCode in lib/errors.ts
  char message[992];
} QuernFailure;

// A byte of the other side's, 0 or 1, that another thread may set: read by QuernHost.is_set, or by an atomic
// load. Null: never set.
typedef uint8_t QuernFlag;

typedef void (*QuernWork)(const void* context, int32_t item, int32_t thread);

// What the process offers to a library. May be called by any thread as long as the process lives.
typedef struct QuernHost {
  // Calls work(context, item, thread) for every item of [0, items), in any order, on at most `threads` of the
  // process's compute threads, this one among them; `thread` < `threads` names the one that runs. 1: all is
  // done. 0: `abort` was set, some items are left out. -1: the process is out of memory.
  int32_t (*parallel_for)(int32_t items, int32_t threads, const QuernFlag* abort, QuernWork work,
                          const void* context);
  int32_t (*is_set)(const QuernFlag* flag);
  // A line for the person who runs the process, of what no failure can say. Kept, not printed.
  void (*log)(const char* line);
} QuernHost;

// ---- values, each as its namesake in backend/backend.h and backend/sampling.h

enum { QUERN_F32 = 0, QUERN_F16 = 1, QUERN_BF16 = 2 };
typedef uint32_t QuernDtype;

typedef struct QuernTensor {
  void* data;
  int64_t rows, cols;
  QuernDtype dtype;
} QuernTensor;

typedef struct QuernKvShape {
  QuernDtype dtype;
  int32_t kv_heads, head_dim;
  int64_t pages;
} QuernKvShape;

typedef struct QuernKvLayer {
  void *keys, *values;
  int32_t group;
} QuernKvLayer;

typedef struct QuernSequenceRows {
  int32_t first_row, rows, first_position;
  const int32_t* const* pages;  // [groups]
  size_t groups;
} QuernSequenceRows;

typedef struct QuernAngles {
  const float *cos, *sin;
  int32_t dim;
} QuernAngles;

typedef struct QuernStepInput {
  const int32_t* tokens;  // [rows]
  const QuernAngles* ropes;
  const QuernSequenceRows* sequences;
  size_t rope_count, sequence_count;
  int32_t rows;
  const QuernFlag* abort;
} QuernStepInput;

typedef struct QuernCopy {
  void *device, *host;
  size_t bytes;
} QuernCopy;

typedef struct QuernLogitBias {
  int32_t token;
  float bias;
} QuernLogitBias;

// Of quern::SamplingOptions what a device may be asked to do. Rows with dry, xtc or mirostat are the host's.
typedef struct QuernSampling {
  float temperature;
  int32_t top_k;
  float top_p, min_p, typical_p, top_n_sigma;
  float repetition_penalty, frequency_penalty, presence_penalty;
  int32_t top_logprobs;
  const QuernLogitBias* logit_bias;
  size_t logit_bias_count;
  const uint8_t* steps;  // numbers of quern::SamplingStep
  size_t step_count;
} QuernSampling;

typedef struct QuernSampleParams {
  QuernSampling options;
  const int32_t* tokens;
  size_t token_count, prompt_tokens;
  double uniform;
} QuernSampleParams;

typedef struct QuernScoreParams {
  const int32_t* targets;
  size_t target_count;
  int32_t top;
} QuernScoreParams;

typedef struct QuernTokenLogprob {
  double logprob;
  int32_t token;
} QuernTokenLogprob;

typedef struct QuernSampled {
  int32_t token, has_logprobs;
  double chosen;  // and `top`: if it has logprobs
  const QuernTokenLogprob* top;
  size_t top_count;
} QuernSampled;

typedef struct QuernScored {
  const double* targets;
  size_t target_count;
  const QuernTokenLogprob* top;
  size_t top_count;
} QuernScored;

// What it points to is the stream's, and stays until the stream collects again or is destroyed.
typedef struct QuernStepResult {
  const QuernSampled* sampled;
  size_t sampled_count;
  const QuernScored* scored;
  size_t scored_count;
  double seconds;
  int32_t completed;  // 0: the step was given up, since its `abort` was set
} QuernStepResult;

typedef struct QuernStreamLimits {
  int32_t rows, logits_rows, hidden, heads, kv_heads, head_dim, ffn, vocab, context;
} QuernStreamLimits;

typedef struct QuernDeviceOptions {
  int32_t threads;  // of the host; 0: as many as the process may use
  const char* isa;  // "auto", or a name that the device knows
  int32_t index;    // which of the library's devices
} QuernDeviceOptions;

typedef struct QuernDescription {
  char kind[32], isa[64], name[128];
  int32_t threads;
  QuernDtype activations, keys_and_values;
  QuernDtype exact_activations, exact_keys_and_values;
} QuernDescription;

typedef struct QuernKvBudget {
  uint64_t bytes;
  int32_t contexts;
} QuernKvBudget;

// ---- values, each as its namesake in backend/device_probe.h. A problem whose code is empty is none.

typedef struct QuernProbedDevice {
  char name[128], isa[64];
  int32_t index, capability_major, capability_minor, multiprocessors;
  uint64_t memory_bytes;
  QuernFailure problem;
} QuernProbedDevice;

enum { QUERN_MOST_DEVICES = 64 };

typedef struct QuernProbe {
  char kind[32];
  int32_t driver_version, runtime_version;
  QuernFailure problem;
  QuernProbedDevice devices[QUERN_MOST_DEVICES];  // the first `device_count` of them
  int32_t device_count;
} QuernProbe;

// ---- what a library has

typedef struct QuernDevice QuernDevice;
typedef struct QuernStream QuernStream;
typedef struct QuernWeight QuernWeight;
typedef struct QuernMemory QuernMemory;

typedef struct QuernWeightView {
  const char* format;  // as GGUF and safetensors spell it
  int64_t rows, cols;
  int32_t is_vector, exact;
  // May be called by several threads at a time, and fails as the library's own functions do.
  QuernStatus (*read)(const void* context, int64_t first_row, int64_t rows, void* into,
                      QuernFailure* failure);
  const void* context;
} QuernWeightView;

// Members that may be there or not are null where they are not.
typedef struct QuernAttentionInputWeights {
  const QuernWeight *norm, *q, *k, *v, *q_bias, *k_bias, *v_bias, *q_norm, *k_norm;
  float norm_eps;
} QuernAttentionInputWeights;

typedef struct QuernAttentionSpec {
  int32_t window;
  const float* slopes;
  size_t slope_count;
  int32_t sinks, sink_turn;
} QuernAttentionSpec;

typedef struct QuernFfnInputWeights {
  const QuernWeight *norm, *gate, *up;
  float norm_eps;
} QuernFfnInputWeights;

// What is created is destroyed by its namesake, the device last.
typedef struct QuernLibrary {
  uint32_t abi;  // the library's own; where it is another than was asked for, nothing else is written

  // What the devices are, of which it opens none.
  QuernStatus (*probe)(QuernProbe* probe, QuernFailure* failure);
  // Bytes that are free on one of them. What it opens for that, it may keep.
  QuernStatus (*free_memory)(int32_t index, uint64_t* bytes, QuernFailure* failure);

  QuernStatus (*create_device)(const QuernDeviceOptions* options, QuernDevice** device,
                               QuernFailure* failure);
  void (*destroy_device)(QuernDevice* device);
  QuernStatus (*describe)(const QuernDevice* device, QuernDescription* description, QuernFailure* failure);
  QuernStatus (*kv_budget)(const QuernDevice* device, QuernKvBudget* budget, QuernFailure* failure);
  QuernStatus (*samples)(const QuernDevice* device, const QuernSampling* options, int32_t* does,
                         QuernFailure* failure);

  QuernStatus (*create_weight)(QuernDevice* device, const QuernWeightView* view, QuernWeight** weight,
                               uint64_t* bytes, QuernFailure* failure);
  void (*destroy_weight)(QuernWeight* weight);
  QuernStatus (*create_memory)(QuernDevice* device, size_t bytes, QuernMemory** memory, void** address,
                               QuernFailure* failure);
  void (*destroy_memory)(QuernMemory* memory);
  QuernStatus (*create_stream)(QuernDevice* device, const QuernStreamLimits* limits, QuernStream** stream,
                               int32_t* depth, QuernFailure* failure);
  void (*destroy_stream)(QuernStream* stream);

  QuernStatus (*begin)(QuernStream* stream, const QuernStepInput* input, uint64_t* step,
                       QuernFailure* failure);
  QuernStatus (*embed)(QuernStream* stream, const QuernWeight* table, QuernTensor x, QuernFailure* failure);
  QuernStatus (*attention_input)(QuernStream* stream, const QuernAttentionInputWeights* weights, int32_t rope,
                                 QuernTensor x, const QuernKvShape* shape, QuernKvLayer kv, QuernTensor q,
                                 QuernFailure* failure);
  QuernStatus (*attention)(QuernStream* stream, const QuernAttentionSpec* spec, QuernTensor q,
                           const QuernKvShape* shape, QuernKvLayer kv, QuernTensor out,
                           QuernFailure* failure);
  QuernStatus (*matmul_add)(QuernStream* stream, const QuernWeight* weight, QuernTensor in, QuernTensor x,
                            QuernFailure* failure);
  QuernStatus (*ffn_input)(QuernStream* stream, const QuernFfnInputWeights* weights, QuernTensor x,
                           QuernTensor out, QuernFailure* failure);
  QuernStatus (*final_norm)(QuernStream* stream, const QuernWeight* norm, float norm_eps, QuernTensor x,
                            const int32_t* chosen, size_t chosen_count, QuernTensor out,
                            QuernFailure* failure);
  QuernStatus (*logits)(QuernStream* stream, const QuernWeight* norm, float norm_eps, const QuernWeight* head,
                        QuernTensor x, const int32_t* chosen, size_t chosen_count, QuernTensor out,
                        QuernFailure* failure);
  QuernStatus (*sample)(QuernStream* stream, QuernTensor logits, const QuernSampleParams* params,
                        size_t count, QuernFailure* failure);
  QuernStatus (*score)(QuernStream* stream, QuernTensor logits, const QuernScoreParams* params, size_t count,
                       QuernFailure* failure);
  QuernStatus (*read_back)(QuernStream* stream, QuernTensor from, float* into, QuernFailure* failure);
  QuernStatus (*launch)(QuernStream* stream, uint64_t step, QuernFailure* failure);
  QuernStatus (*collect)(QuernStream* stream, uint64_t step, QuernStepResult* result, QuernFailure* failure);
  QuernStatus (*upload)(QuernStream* stream, const QuernCopy* copies, size_t count, QuernFailure* failure);
  QuernStatus (*download)(QuernStream* stream, const QuernCopy* copies, size_t count, QuernFailure* failure);
} QuernLibrary;

// The one function that a library exports, by the name of `quern_backend`. `host` stays as long as the
// process lives. Called with the number of the interface that the process was compiled with.
typedef void (*QuernBackend)(uint32_t abi, const QuernHost* host, QuernLibrary* library);

#ifdef __cplusplus
}
#endif
