// Activations of 8 bits, weights of 8 bits: see matmul_blocks_int8.h.
#include "backend/cpu/kernels/matmul_blocks_int8.h"

namespace quern::cpu::QUERN_ISA {

extern const MatmulKernel kMatmulQ8Int8;
const MatmulKernel kMatmulQ8Int8 = block_kernel<IntegerTile<EightBits>>(QUERN_ISA_NAME, Activations::int8);

}  // namespace quern::cpu::QUERN_ISA
