// Blocks of a launch that share something count themselves; the last of them does what comes after all.
#pragma once
#include <cstdint>

namespace quern::cuda {

// Whether this block is the last of `count` that come here; the ticket is zero again then. All its threads
// come; the last block's may read what any of them wrote before.
//
// Thread 0 alone releases and acquires: what its block wrote comes before that by the first barrier, what its
// block reads comes after by the second, and both orders chain with that between the blocks (PTX ISA,
// causality order). To acquire empties the first cache, which is the whole block's, so no thread finds there
// what it was before.
__device__ __forceinline__ bool is_last_of(int32_t* ticket, int count) {
  __shared__ bool is_last;
  __syncthreads();
  if (threadIdx.x == 0) {
    int32_t before;
    asm volatile("atom.acq_rel.gpu.global.add.s32 %0, [%1], 1;" : "=r"(before) : "l"(ticket) : "memory");
    is_last = before == count - 1;
    if (is_last) *ticket = 0;
  }
  __syncthreads();
  return is_last;
}

}  // namespace quern::cuda
