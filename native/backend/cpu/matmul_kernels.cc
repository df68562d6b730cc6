#include "backend/cpu/matmul_kernels.h"

#include <string>

#include "core/error.h"

namespace quern::cpu {

namespace baseline {
extern const MatmulKernel kMatmulF32, kMatmulF16, kMatmulBf16, kMatmulQ8, kMatmulQ4, kMatmulQ8Int8,
    kMatmulQ4Int8;
}
#if defined(QUERN_X86)
namespace avx2 {
extern const MatmulKernel kMatmulF32, kMatmulF16, kMatmulBf16, kMatmulQ8, kMatmulQ4, kMatmulQ8Int8,
    kMatmulQ4Int8;
}
namespace avx_vnni {
extern const MatmulKernel kMatmulQ8Int8, kMatmulQ4Int8;
}
namespace avx512 {
extern const MatmulKernel kMatmulF32, kMatmulF16, kMatmulBf16, kMatmulQ8, kMatmulQ4;
}
namespace avx512_vnni {
extern const MatmulKernel kMatmulQ8Int8, kMatmulQ4Int8;
}
namespace avx512_twin {
extern const MatmulKernel kMatmulF32, kMatmulF16, kMatmulBf16, kMatmulQ8, kMatmulQ4, kMatmulQ8Int8,
    kMatmulQ4Int8;
}
#endif

namespace {

struct Row {
  Features needs;
  const MatmulKernel* kernel;
};

// Of those that fit, the last is the best. Integers are added without rounding: avx512 without VNNI has no
// product with them of its own, and uses that of avx2.
constexpr Row kRows[] = {
    {0, &baseline::kMatmulF32},
    {0, &baseline::kMatmulF16},
    {0, &baseline::kMatmulBf16},
    {0, &baseline::kMatmulQ8},
    {0, &baseline::kMatmulQ4},
    {0, &baseline::kMatmulQ8Int8},
    {0, &baseline::kMatmulQ4Int8},
#if defined(QUERN_X86)
    {kAvx2, &avx2::kMatmulF32},
    {kAvx2, &avx2::kMatmulF16},
    {kAvx2, &avx2::kMatmulBf16},
    {kAvx2, &avx2::kMatmulQ8},
    {kAvx2, &avx2::kMatmulQ4},
    {kAvx512, &avx512::kMatmulF32},
    {kAvx512, &avx512::kMatmulF16},
    {kAvx512, &avx512::kMatmulBf16},
    {kAvx512, &avx512::kMatmulQ8},
    {kAvx512, &avx512::kMatmulQ4},
    {kAvx2, &avx2::kMatmulQ8Int8},
    {kAvx2, &avx2::kMatmulQ4Int8},
    {kAvxVnni, &avx_vnni::kMatmulQ8Int8},
    {kAvxVnni, &avx_vnni::kMatmulQ4Int8},
    {kAvx512Vnni, &avx512_vnni::kMatmulQ8Int8},
    {kAvx512Vnni, &avx512_vnni::kMatmulQ4Int8},
    {kAvx512Twin, &avx512_twin::kMatmulF32},
    {kAvx512Twin, &avx512_twin::kMatmulF16},
    {kAvx512Twin, &avx512_twin::kMatmulBf16},
    {kAvx512Twin, &avx512_twin::kMatmulQ8},
    {kAvx512Twin, &avx512_twin::kMatmulQ4},
    {kAvx512Twin, &avx512_twin::kMatmulQ8Int8},
    {kAvx512Twin, &avx512_twin::kMatmulQ4Int8},
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
