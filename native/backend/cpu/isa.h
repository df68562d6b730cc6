#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu {

// What a processor may have, or lack, beyond the least that quern runs on. Bits of a set.
using Features = uint32_t;
constexpr Features kAvx2 = 1;    // with FMA and F16C
constexpr Features kAvx512 = 2;  // F, BW, DQ and VL
constexpr Features kAvxVnni = 8, kAvx512Vnni = 16;
constexpr Features kAvx512Twin = 4;  // no processor's: what a test asks for

// A name that can be asked for: the kernels, and what matrix products may use besides.
struct Isa {
  const char* name;
  Features features;
  const Kernels* kernels;
};

// The instruction sets that this machine can run, best last. Names: baseline, avx2, avx_vnni, avx512,
// avx512_vnni; avx512_twin is for tests.
std::vector<const Isa*> runnable_isas();

// The best one, or the one of that name: throws Error invalid_option if this machine cannot run it. "auto" is
// the best.
const Isa& choose_isa(std::string_view name);

// The tables of kernels that runnable_isas() go by, each once.
std::vector<const Kernels*> runnable_kernels();

}  // namespace quern::cpu
