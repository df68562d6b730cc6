#pragma once
#include <string_view>
#include <vector>

#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu {

// The instruction sets that this machine can run, best last. Names: baseline, avx2, avx512; avx512_twin is
// for tests.
std::vector<const Kernels*> runnable_kernels();

// The best one, or the one of that name: throws Error invalid_option if this machine cannot run it. "auto" is
// the best.
const Kernels& choose_kernels(std::string_view name);

}  // namespace quern::cpu
