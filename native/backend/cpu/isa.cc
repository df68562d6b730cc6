#include "backend/cpu/isa.h"

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

// Every table in this build with what the processor must have; the twin comes first, since it is never the
// best.
std::vector<const Kernels*> find_runnable() {
  std::vector<const Kernels*> found;
#if defined(QUERN_X86)
  __builtin_cpu_init();
  const bool has_avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl");
  if (has_avx2) found.push_back(&avx512_twin::kKernels);
#endif
  found.push_back(&baseline::kKernels);
#if defined(QUERN_X86)
  if (has_avx2) found.push_back(&avx2::kKernels);
  if (has_avx512) found.push_back(&avx512::kKernels);
#endif
  return found;
}

}  // namespace

std::vector<const Kernels*> runnable_kernels() {
  return find_runnable();
}

const Kernels& choose_kernels(std::string_view name) {
  const auto kernels = find_runnable();
  if (name.empty() || name == "auto") return *kernels.back();
  std::string known;
  for (const Kernels* table : kernels) {
    if (name == table->name) return *table;
    known += (known.empty() ? "" : ", ") + std::string(table->name);
  }
  throw Error("invalid_option", "this machine cannot run the instruction set '" + std::string(name) +
                                    "'; it can run: " + known);
}

}  // namespace quern::cpu
