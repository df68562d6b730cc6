// Weights of 32-bit floats: see matmul_float.h. 4 bytes and one multiply-add a number.
#include "backend/cpu/kernels/matmul_float.h"

namespace quern::cpu::QUERN_ISA {

extern const MatmulKernel kMatmulF32;
const MatmulKernel kMatmulF32 = float_kernel<float>(QUERN_ISA_NAME, "F32");

}  // namespace quern::cpu::QUERN_ISA
