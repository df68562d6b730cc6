// f32 activations, weights of 4 bits: see matmul_blocks.h.
#include "backend/cpu/kernels/matmul_blocks.h"

namespace quern::cpu::QUERN_ISA {

extern const MatmulKernel kMatmulQ4;
const MatmulKernel kMatmulQ4 = block_kernel<FloatTile<FourBits>>(QUERN_ISA_NAME, Activations::f32);

}  // namespace quern::cpu::QUERN_ISA
