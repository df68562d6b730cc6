// Kernels that may begin before the one in front has ended, with one bug each and their mended twins.
#pragma once
#include <cuda_runtime_api.h>

#include <string>
#include <vector>

namespace early {

struct Case {
  std::string name;  // also of the line that a report names: it ends in "reported: <name>"
  // A kernel that writes out[64 .. 127], and one behind it that may begin early; of 4096 floats each.
  void (*launch)(bool is_mended, const float* in, float* out, cudaStream_t stream);
};
const std::vector<Case>& cases();

// out[64 + i] = in[i], once all kernels in front have ended; with `may_begin_early` in front of their ends.
cudaError_t fill(const float* in, float* out, bool may_begin_early, cudaStream_t stream);
// out[i] = out[64 + i], which is read before all kernels in front have ended.
cudaError_t hurry(float* out, bool may_begin_early, cudaStream_t stream);
// in[i] is read before, out[i] written after the ends of all kernels in front.
cudaError_t follow(const float* in, float* out, bool may_begin_early, cudaStream_t stream);
cudaFuncAttributes attributes_of_follow();

}  // namespace early
