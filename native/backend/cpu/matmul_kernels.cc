#include "backend/cpu/matmul_kernels.h"

#include <string>

#include "core/error.h"

namespace quern::cpu {

namespace baseline {
extern const MatmulKernel kMatmulF32, kMatmulF16, kMatmulBf16;
}
#if defined(QUERN_X86)
namespace avx2 {
extern const MatmulKernel kMatmulF32, kMatmulF16, kMatmulBf16;
}
namespace avx512 {
extern const MatmulKernel kMatmulF32, kMatmulF16, kMatmulBf16;
}
namespace avx512_twin {
extern const MatmulKernel kMatmulF32, kMatmulF16, kMatmulBf16;
}
#endif

namespace {

struct Row {
  Features needs;
  const MatmulKernel* kernel;
};

// Of those that fit, the last is the best.
constexpr Row kRows[] = {
    {0, &baseline::kMatmulF32},
    {0, &baseline::kMatmulF16},
    {0, &baseline::kMatmulBf16},
#if defined(QUERN_X86)
    {kAvx2, &avx2::kMatmulF32},
    {kAvx2, &avx2::kMatmulF16},
    {kAvx2, &avx2::kMatmulBf16},
    {kAvx512, &avx512::kMatmulF32},
    {kAvx512, &avx512::kMatmulF16},
    {kAvx512, &avx512::kMatmulBf16},
    {kAvx512Twin, &avx512_twin::kMatmulF32},
    {kAvx512Twin, &avx512_twin::kMatmulF16},
    {kAvx512Twin, &avx512_twin::kMatmulBf16},
#endif
};

}  // namespace

const MatmulKernel& choose_matmul(const Isa& isa, const Format& format, bool exact) {
  const MatmulKernel* best = nullptr;
  for (const Row& row : kRows) {
    const bool fits = (row.needs & isa.features) == row.needs && row.kernel->format == format.name &&
                      (!exact || row.kernel->activations == Activations::f32);
    if (fits) best = row.kernel;
  }
  if (best) return *best;
  throw Error("unsupported_format",
              "the CPU multiplies with no weights of the format " + std::string(format.name));
}

}  // namespace quern::cpu
