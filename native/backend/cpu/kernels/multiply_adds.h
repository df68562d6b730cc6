// What a product could do at best: as many multiply-adds as registers allow, with nothing to read. What they
// are, a product's kernel says (matmul_kernel.h).
#pragma once
#include <cstdint>

namespace quern::cpu::QUERN_ISA {

// In float32. Returns how many were done, one lane counted as one.
int64_t multiply_adds(int64_t rounds, float* result);

}  // namespace quern::cpu::QUERN_ISA
