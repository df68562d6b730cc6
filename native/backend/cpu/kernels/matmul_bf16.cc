// Weights of brain floats: see matmul_float.h. 2 bytes and one multiply-add a number.
#include "backend/cpu/kernels/matmul_float.h"

namespace quern::cpu::QUERN_ISA {

extern const MatmulKernel kMatmulBf16;
const MatmulKernel kMatmulBf16 = float_kernel<Bf16>(QUERN_ISA_NAME, "BF16");

}  // namespace quern::cpu::QUERN_ISA
