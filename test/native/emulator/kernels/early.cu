// See early.h. All run with blocks of 64 threads, two warps.
#include "early.h"

namespace early {

namespace {

__device__ void wait_for_grids() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

__global__ void fill_kernel(const float* in, float* out) {
  wait_for_grids();
  out[64 + threadIdx.x] = in[threadIdx.x];
}
__global__ void hurry_kernel(float* out) {
  const float value = out[64 + threadIdx.x];  // reported: hurry
  wait_for_grids();
  out[threadIdx.x] = value;
}
__global__ void follow_kernel(const float* in, float* out) {
  const float value = in[threadIdx.x];
  wait_for_grids();
  out[threadIdx.x] = value;
}
__global__ void idle_kernel(const float*, float*) {
  wait_for_grids();
}

template <bool kMended>
__global__ void read_early(const float*, float* out) {
  if constexpr (kMended) wait_for_grids();
  const float value = out[64 + threadIdx.x];  // reported: read_early read_two_in_front
  if constexpr (!kMended) wait_for_grids();
  out[threadIdx.x] = value;
}

// Half of a word, which another half-word's writer made two of.
template <bool kMended>
__global__ void read_half_early(const float*, float* out) {
  if constexpr (kMended) wait_for_grids();
  const auto* halves = reinterpret_cast<const volatile unsigned short*>(out + 64);
  const unsigned short value = halves[threadIdx.x];  // reported: read_half_early
  if constexpr (!kMended) wait_for_grids();
  out[threadIdx.x] = static_cast<float>(value);
}

template <bool kMended>
__global__ void write_early(const float* in, float* out) {
  if constexpr (kMended) wait_for_grids();
  out[threadIdx.x] = in[threadIdx.x];  // reported: write_early
  if constexpr (!kMended) wait_for_grids();
}

template <bool kMended>
__global__ void count_early(const float*, float* out) {
  if constexpr (kMended) wait_for_grids();
  atomicAdd(out, 1.0f);  // reported: count_early
  if constexpr (!kMended) wait_for_grids();
}

__device__ void copy_async(void* to, const void* from) {
  const auto shared = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared), "l"(from) : "memory");
}
template <bool kMended>
__global__ void copy_early(const float*, float* out) {
  __shared__ float4 values[64];
  if constexpr (kMended) wait_for_grids();
  copy_async(&values[threadIdx.x], out + 64 + threadIdx.x / 4 * 4);  // reported: copy_early
  asm volatile("cp.async.wait_all;" ::: "memory");
  if constexpr (!kMended) wait_for_grids();
  out[threadIdx.x] = values[threadIdx.x].x;
}

// One thread's wait is not another's.
template <bool kMended>
__global__ void wait_alone(const float*, float* out) {
  if (kMended || threadIdx.x == 0) wait_for_grids();
  __syncthreads();
  const float value = out[64 + threadIdx.x];  // reported: wait_alone
  wait_for_grids();
  out[threadIdx.x] = value;
}

// What may be read so must not change from when the kernel may begin.
template <bool kMended>
__global__ void read_lasting(const float*, float* out) {
  wait_for_grids();
  if constexpr (kMended) {
    out[threadIdx.x] = out[64 + threadIdx.x];
  } else {
    out[threadIdx.x] = __ldg(out + 64 + threadIdx.x);  // reported: read_lasting
  }
}

template <bool kMended>
__global__ void end_early(const float* in, float* out) {
  if (!kMended && blockIdx.x == 1) return;
  wait_for_grids();
  if (blockIdx.x == 1) return;
  out[threadIdx.x] = in[threadIdx.x];
}  // reported: end_early

template <bool kMended>
__global__ void never_wait(const float*, float*) {
  if constexpr (kMended) wait_for_grids();
}  // reported: never_wait

template <typename... Parameters, typename... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), int blocks, bool may_begin_early, cudaStream_t stream,
                   Arguments... arguments) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = may_begin_early;
  const cudaLaunchConfig_t config = {dim3(static_cast<unsigned>(blocks)), dim3(64), 0, stream, &attribute, 1};
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

template <auto kBroken, auto kMended, int kBlocks = 1, bool kHasIdle = false>
void launch_two(bool is_mended, const float* in, float* out, cudaStream_t stream) {
  fill(in, out, false, stream);
  if (kHasIdle) launch(idle_kernel, 1, true, stream, in, out);
  launch(is_mended ? kMended : kBroken, kBlocks, true, stream, in, out);
}

#define WITH_TWIN(kernel) kernel<false>, kernel<true>

}  // namespace

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"read_early", launch_two<WITH_TWIN(read_early)>},
      {"read_two_in_front", launch_two<WITH_TWIN(read_early), 1, true>},
      {"read_half_early", launch_two<WITH_TWIN(read_half_early)>},
      {"write_early", launch_two<WITH_TWIN(write_early)>},
      {"count_early", launch_two<WITH_TWIN(count_early)>},
      {"copy_early", launch_two<WITH_TWIN(copy_early)>},
      {"wait_alone", launch_two<WITH_TWIN(wait_alone)>},
      {"read_lasting", launch_two<WITH_TWIN(read_lasting)>},
      {"end_early", launch_two<WITH_TWIN(end_early), 2>},
      {"never_wait", launch_two<WITH_TWIN(never_wait)>},
  };
  return all;
}

cudaError_t fill(const float* in, float* out, bool may_begin_early, cudaStream_t stream) {
  return launch(fill_kernel, 1, may_begin_early, stream, in, out);
}
cudaError_t hurry(float* out, bool may_begin_early, cudaStream_t stream) {
  return launch(hurry_kernel, 1, may_begin_early, stream, out);
}
cudaError_t follow(const float* in, float* out, bool may_begin_early, cudaStream_t stream) {
  return launch(follow_kernel, 1, may_begin_early, stream, in, out);
}
cudaFuncAttributes attributes_of_follow() {
  cudaFuncAttributes attributes = {};
  cudaFuncGetAttributes(&attributes, follow_kernel);
  return attributes;
}

}  // namespace early
