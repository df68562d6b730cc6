#include "backend/cpu/isa.h"

#include <algorithm>
#include <string>

#include "core/error.h"

namespace quern::cpu {

namespace baseline {
extern const Kernels kKernels;
}
#if defined(QUERN_X86)
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512_twin {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#endif

namespace {

// The twin comes first, since it is never the best.
constexpr Isa kIsas[] = {
#if defined(QUERN_X86)
    {"avx512_twin", kAvx2 | kAvx512Twin, &avx512_twin::kKernels},
#endif
    {"baseline", 0, &baseline::kKernels},
#if defined(QUERN_X86)
    {"avx2", kAvx2, &avx2::kKernels},
    {"avx_vnni", kAvx2 | kAvxVnni, &avx2::kKernels},
    {"avx512", kAvx2 | kAvx512, &avx512::kKernels},
    {"avx512_vnni", kAvx2 | kAvx512 | kAvx512Vnni, &avx512::kKernels},
#endif
};

Features features_of_this_machine() {
  Features found = kAvx512Twin;
#if defined(QUERN_X86)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    found |= kAvx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    found |= kAvx512;
  if (__builtin_cpu_supports("avxvnni")) found |= kAvxVnni;
  if (__builtin_cpu_supports("avx512vnni")) found |= kAvx512Vnni;
#endif
  return found;
}

}  // namespace

std::vector<const Isa*> runnable_isas() {
  const Features here = features_of_this_machine();
  std::vector<const Isa*> found;
  for (const Isa& isa : kIsas)
    if ((isa.features & here) == isa.features) found.push_back(&isa);
  return found;
}

const Isa& choose_isa(std::string_view name) {
  const auto isas = runnable_isas();
  if (name.empty() || name == "auto") return *isas.back();
  std::string known;
  for (const Isa* isa : isas) {
    if (name == isa->name) return *isa;
    known += (known.empty() ? "" : ", ") + std::string(isa->name);
  }
  throw Error("invalid_option", "this machine cannot run the instruction set '" + std::string(name) +
                                    "'; it can run: " + known);
}

std::vector<const Kernels*> runnable_kernels() {
  std::vector<const Kernels*> found;
  for (const Isa* isa : runnable_isas())
    if (std::find(found.begin(), found.end(), isa->kernels) == found.end()) found.push_back(isa->kernels);
  return found;
}

}  // namespace quern::cpu
