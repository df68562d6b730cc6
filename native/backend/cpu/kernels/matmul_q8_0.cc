// f32 activations, weights of 8 bits: see matmul_blocks.h.
#include "backend/cpu/kernels/matmul_blocks.h"

namespace quern::cpu::QUERN_ISA {

extern const MatmulKernel kMatmulQ8;
const MatmulKernel kMatmulQ8 = block_kernel<FloatTile<EightBits>>(QUERN_ISA_NAME, Activations::f32);

}  // namespace quern::cpu::QUERN_ISA
