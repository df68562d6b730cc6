// Weights of 16-bit floats: see matmul_float.h. 2 bytes and one multiply-add a number.
#include "backend/cpu/kernels/matmul_float.h"

namespace quern::cpu::QUERN_ISA {

extern const MatmulKernel kMatmulF16;
const MatmulKernel kMatmulF16 = float_kernel<F16>(QUERN_ISA_NAME, "F16");

}  // namespace quern::cpu::QUERN_ISA
