// See planted.h. All run with blocks of 64 threads, two warps, unless they say otherwise.
#include "planted.h"

namespace planted {

namespace {

__device__ void copy_async(void* to, const void* from) {
  const auto shared = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared), "l"(from) : "memory");
}
__device__ void commit_async() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int kLeft>
__device__ void wait_async() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kLeft) : "memory");
}

// ---- order within a block

template <bool kMended>
__global__ void barrier(const float* in, float* out) {
  __shared__ float values[64];
  values[threadIdx.x] = in[threadIdx.x];
  if constexpr (kMended) __syncthreads();
  out[threadIdx.x] = values[63 - threadIdx.x];  // reported: barrier
}

template <bool kMended>
__global__ void refill(const float* in, float* out) {
  __shared__ float values[64];
  float sum = 0;
  for (int turn = 0; turn < 4; turn++) {
    values[threadIdx.x] = in[turn * 64 + threadIdx.x];  // reported: refill
    __syncthreads();
    sum += values[63 - threadIdx.x];
    if constexpr (kMended) __syncthreads();
  }
  out[threadIdx.x] = sum;
}

template <bool kMended>
__global__ void both_write(const float* in, float* out) {
  __shared__ float value;
  if (threadIdx.x % 32 == 0 && (!kMended || threadIdx.x == 0)) {
    value = in[0];  // reported: both_write
  }
  __syncthreads();
  out[threadIdx.x] = value;
}

template <bool kMended>
__global__ void warp_barrier(const float* in, float* out) {
  __shared__ float values[64];
  values[threadIdx.x] = in[threadIdx.x];
  if constexpr (kMended) __syncwarp();
  out[threadIdx.x] = values[threadIdx.x ^ 1];  // reported: warp_barrier
}

// Halves of a word by two threads are no race; a whole word over them is one.
template <bool kMended>
__global__ void halves(const float* in, float* out) {
  __shared__ unsigned short values[64];
  values[threadIdx.x] = static_cast<unsigned short>(in[threadIdx.x]);
  if constexpr (kMended) __syncthreads();
  const auto* words = reinterpret_cast<const unsigned*>(values);
  out[threadIdx.x] = static_cast<float>(words[threadIdx.x / 2]);  // reported: halves
}

// ---- where an access goes

template <bool kMended>
__global__ void shared_bounds(const float* in, float* out) {
  extern __shared__ float given[];
  given[threadIdx.x + (kMended ? 0 : 1)] = in[threadIdx.x];  // reported: shared_bounds
  __syncthreads();
  out[threadIdx.x] = given[kMended ? threadIdx.x : 1];
}

// From one variable into another: both lie within the block's shared memory.
template <bool kMended>
__global__ void shared_variables(const float* in, float* out) {
  __shared__ float first[64];
  __shared__ float second[64];
  second[threadIdx.x] = in[threadIdx.x];
  first[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  const int at = static_cast<int>(threadIdx.x) + (kMended || in[0] < 0 ? 0 : 1);
  out[threadIdx.x] = first[at] + second[at];  // reported: shared_variables
}

template <bool kMended>
__global__ void global_bounds(const float* in, float* out) {
  out[threadIdx.x + (kMended ? 0 : 4096 - 63)] = in[threadIdx.x];  // reported: global_bounds
}

template <bool kMended>
__global__ void misaligned(const float* in, float* out) {
  const float4 four = *reinterpret_cast<const float4*>(in + (kMended ? 4 : 2));  // reported: misaligned
  out[threadIdx.x] = four.x + four.y + four.z + four.w;
}

template <bool kMended>
__global__ void uninitialised(const float* in, float* out) {
  __shared__ float values[64];
  if (kMended || threadIdx.x != 63) values[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = values[63 - threadIdx.x];  // reported: uninitialised
}

// ---- asynchronous copies, 16 bytes a thread

template <bool kMended>
__global__ void async_wait(const float* in, float* out) {
  __shared__ float4 values[64];
  copy_async(&values[threadIdx.x], in + 4 * threadIdx.x);
  commit_async();
  if constexpr (kMended) wait_async<0>();
  out[threadIdx.x] = values[threadIdx.x].x;  // reported: async_wait
}

template <bool kMended>
__global__ void async_barrier(const float* in, float* out) {
  __shared__ float4 values[64];
  copy_async(&values[threadIdx.x], in + 4 * threadIdx.x);
  commit_async();
  wait_async<0>();
  if constexpr (kMended) __syncthreads();
  out[threadIdx.x] = values[63 - threadIdx.x].x;  // reported: async_barrier
}

template <bool kMended>
__global__ void async_groups(const float* in, float* out) {
  __shared__ float4 values[2][64];
  float sum = 0;
  copy_async(&values[0][threadIdx.x], in + 4 * threadIdx.x);
  commit_async();
  for (int turn = 0; turn < 4; turn++) {
    copy_async(&values[(turn + 1) % 2][threadIdx.x], in + 256 * ((turn + 1) % 4) + 4 * threadIdx.x);
    commit_async();
    wait_async<kMended ? 1 : 2>();
    __syncthreads();
    sum += values[turn % 2][63 - threadIdx.x].x;  // reported: async_groups
    __syncthreads();
  }
  wait_async<0>();
  out[threadIdx.x] = sum;
}

template <bool kMended>
__global__ void async_refill(const float* in, float* out) {
  __shared__ float4 values[64];
  float sum = 0;
  for (int turn = 0; turn < 4; turn++) {
    copy_async(&values[threadIdx.x], in + 256 * turn + 4 * threadIdx.x);  // reported: async_refill
    commit_async();
    wait_async<0>();
    __syncthreads();
    sum += values[63 - threadIdx.x].x;
    if constexpr (kMended) __syncthreads();
  }
  out[threadIdx.x] = sum;
}

// ---- order between blocks: the block that comes last adds what the others wrote, at out + 64. The ticket
// lies at out + 1, zero. `kReleases`: to draw it releases and acquires, without a fence.

enum class TicketBug { none, no_fence, no_barrier, not_atomic };

template <TicketBug kBug, bool kReleases = false>
__global__ void ticket(const float* in, float* out) {
  __shared__ bool is_last;
  auto* tickets = reinterpret_cast<unsigned*>(out + 1);
  float* partials = out + 64;
  partials[blockIdx.x * 64 + threadIdx.x] = in[blockIdx.x * 64 + threadIdx.x];
  if constexpr (kBug != TicketBug::no_fence && !kReleases) __threadfence();
  if constexpr (kBug != TicketBug::no_barrier) __syncthreads();
  if (threadIdx.x == 0) {
    unsigned drawn = 0;
    if constexpr (kBug == TicketBug::not_atomic) {
      drawn = (*tickets)++;  // reported: ticket_atomic
    } else if constexpr (kReleases) {
      asm volatile("atom.acq_rel.gpu.global.add.u32 %0, [%1], 1;" : "=r"(drawn) : "l"(tickets) : "memory");
    } else {
      drawn = atomicAdd(tickets, 1u);
    }
    is_last = drawn == gridDim.x - 1;
  }
  __syncthreads();
  if (!is_last) return;
  float sum = 0;
  for (unsigned block = 0; block < gridDim.x; block++) {
    sum += partials[block * 64 + threadIdx.x];  // reported: ticket_fence ticket_barrier ticket_release
  }
  partials[gridDim.x * 64 + threadIdx.x] = sum;
}

template <bool kMended>
__global__ void same_place(const float* in, float* out) {
  out[threadIdx.x + (kMended ? blockIdx.x * 64 : 0)] = in[threadIdx.x];  // reported: same_place
}

// ---- threads that wait for each other

template <bool kMended>
__global__ void lonely_barrier(const float* in, float* out) {
  if (kMended || threadIdx.x < 32) {
    asm volatile("bar.sync 1, 64;" ::: "memory");  // reported: lonely_barrier
  }
  out[threadIdx.x] = in[threadIdx.x];
}

template <bool kMended>
__global__ void divergent_shuffle(const float* in, float* out) {
  float value = in[threadIdx.x];
  if (kMended || threadIdx.x % 32 < 16) {
    value = __shfl_xor_sync(kMended ? 0xffffffffu : 0xffffu, value, 16);  // reported: divergent_shuffle
  }
  out[threadIdx.x] = value;
}

// ---- good kernels

__global__ void copy_kernel(const float* in, float* out, int count) {
  const unsigned at = blockIdx.x * blockDim.x + threadIdx.x;
  if (at < static_cast<unsigned>(count)) out[at] = in[at];
}

__global__ void sum_kernel(const float* in, int count, float* partials, int* ticket, float* out) {
  __shared__ float4 staged[64];
  __shared__ float of_warps[2];
  __shared__ bool is_last;
  const unsigned at = blockIdx.x * 256 + threadIdx.x * 4;
  copy_async(&staged[threadIdx.x], in + at);
  commit_async();
  wait_async<0>();
  __syncthreads();
  const float4 four = staged[63 - threadIdx.x];
  float sum = four.x + four.y + (four.z + four.w);
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    partials[blockIdx.x] = of_warps[0] + of_warps[1];
    __threadfence();
    is_last = atomicAdd(ticket, 1) == static_cast<int>(gridDim.x) - 1;
  }
  __syncthreads();
  if (!is_last || threadIdx.x != 0) return;
  float all = 0;
  for (int block = 0; block < count / 256; block++) all += partials[block];
  *out = all;
  *ticket = 0;
}

__device__ int counter;
__global__ void count_kernel(int times) {
  atomicAdd(&counter, times);
}
__global__ void get_count_kernel(int* out) {
  *out = counter;
}
__global__ void increment_kernel(int* at) {
  *at += 1;
}
__global__ void use_shared_kernel(int bytes) {
  extern __shared__ unsigned char given_bytes[];
  given_bytes[bytes - 1] = 1;
}

template <auto kBroken, auto kMended, int kBlocks = 1, int kShared = 0>
void launch_one(bool is_mended, const float* in, float* out, cudaStream_t stream) {
  if (is_mended) {
    kMended<<<kBlocks, 64, kShared, stream>>>(in, out);
  } else {
    kBroken<<<kBlocks, 64, kShared, stream>>>(in, out);
  }
}

#define WITH_TWIN(kernel) kernel<false>, kernel<true>

}  // namespace

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"barrier", "race", launch_one<WITH_TWIN(barrier)>},
      {"refill", "race", launch_one<WITH_TWIN(refill)>},
      {"both_write", "race", launch_one<WITH_TWIN(both_write)>},
      {"warp_barrier", "race", launch_one<WITH_TWIN(warp_barrier)>},
      {"halves", "race", launch_one<WITH_TWIN(halves)>},
      {"shared_bounds", "out-of-bounds", launch_one<WITH_TWIN(shared_bounds), 1, 256>},
      {"shared_variables", "out-of-bounds", launch_one<WITH_TWIN(shared_variables)>},
      {"global_bounds", "out-of-bounds", launch_one<WITH_TWIN(global_bounds)>},
      {"misaligned", "misaligned", launch_one<WITH_TWIN(misaligned)>},
      {"uninitialised", "uninitialised", launch_one<WITH_TWIN(uninitialised)>},
      {"async_wait", "async", launch_one<WITH_TWIN(async_wait)>},
      {"async_barrier", "race", launch_one<WITH_TWIN(async_barrier)>},
      {"async_groups", "async", launch_one<WITH_TWIN(async_groups)>},
      {"async_refill", "race", launch_one<WITH_TWIN(async_refill)>},
      {"ticket_fence", "race", launch_one<ticket<TicketBug::no_fence>, ticket<TicketBug::none>, 5>},
      {"ticket_barrier", "race", launch_one<ticket<TicketBug::no_barrier>, ticket<TicketBug::none>, 5>},
      {"ticket_atomic", "race", launch_one<ticket<TicketBug::not_atomic>, ticket<TicketBug::none>, 5>},
      {"ticket_release", "race",
       launch_one<ticket<TicketBug::no_barrier, true>, ticket<TicketBug::none, true>, 5>},
      {"same_place", "race", launch_one<WITH_TWIN(same_place), 3>},
      {"lonely_barrier", "deadlock", launch_one<WITH_TWIN(lonely_barrier)>},
      {"divergent_shuffle", "divergence", launch_one<WITH_TWIN(divergent_shuffle)>},
  };
  return all;
}

void copy(const float* in, float* out, int count, cudaStream_t stream) {
  copy_kernel<<<static_cast<unsigned>(count + 63) / 64, 64, 0, stream>>>(in, out, count);
}
void sum(const float* in, int count, float* partials, int* ticket, float* out, cudaStream_t stream) {
  sum_kernel<<<static_cast<unsigned>(count) / 256, 64, 0, stream>>>(in, count, partials, ticket, out);
}
void count(int times, cudaStream_t stream) {
  count_kernel<<<1, 32, 0, stream>>>(times);
}
void get_count(int* out, cudaStream_t stream) {
  get_count_kernel<<<1, 1, 0, stream>>>(out);
}
cudaError_t set_count(int value) {
  return cudaMemcpyToSymbol(counter, &value, sizeof value);
}
void increment(int* at, cudaStream_t stream) {
  increment_kernel<<<1, 1, 0, stream>>>(at);
}
cudaError_t use_shared(int bytes, cudaStream_t stream) {
  use_shared_kernel<<<1, 1, static_cast<size_t>(bytes), stream>>>(bytes);
  return cudaGetLastError();
}
cudaError_t allow_shared(int bytes) {
  return cudaFuncSetAttribute(use_shared_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
}

}  // namespace planted
