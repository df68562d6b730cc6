// Kernels with one bug each and their mended twins.
#pragma once
#include <cuda_runtime_api.h>

#include <string>
#include <vector>

namespace planted {

struct Case {
  std::string name;  // also of the line that a report names: it ends in "reported: <name>"
  std::string kind;  // of the report
  // Reads floats and writes floats, 4096 of each.
  void (*launch)(bool is_mended, const float* in, float* out, cudaStream_t stream);
};
const std::vector<Case>& cases();

// out[i] = in[i], one thread each.
void copy(const float* in, float* out, int count, cudaStream_t stream);
// Sums of blocks of 256 numbers, then of these, in a fixed order, by the block that comes last; with shared
// memory, shuffles, asynchronous copies, a ticket. `ticket` is 0 before and after.
void sum(const float* in, int count, float* partials, int* ticket, float* out, cudaStream_t stream);
// counter of the module += 1, n times; `get` copies it.
void count(int times, cudaStream_t stream);
void get_count(int* out, cudaStream_t stream);
cudaError_t set_count(int value);
// *at += 1 by one thread.
void increment(int* at, cudaStream_t stream);
// A kernel whose dynamic shared memory is `bytes`; it writes its last byte.
cudaError_t use_shared(int bytes, cudaStream_t stream);
cudaError_t allow_shared(int bytes);

}  // namespace planted
