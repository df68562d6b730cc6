// Every matrix product that there is: a row for each format, instruction set and kind of activations.
#pragma once
#include "backend/cpu/isa.h"
#include "backend/cpu/kernels/matmul_kernel.h"
#include "core/format.h"

namespace quern::cpu {

// The best product for a weight of this format. `exact`: of those that take activations as they are. Throws
// Error unsupported_format where there is none.
const MatmulKernel& choose_matmul(const Isa& isa, const Format& format, bool exact);

}  // namespace quern::cpu
