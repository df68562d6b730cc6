// Rows of a weight as files have them, put into the layout that kernels read (kernels/matrix.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>

#include "backend/cuda/kernels/matrix.h"
#include "core/format.h"

namespace quern::cuda {

// How a format lies in the GPU's memory. Nothing: products do not know it.
std::optional<Encoding> encoding_of(const Format& format);

// `rows` stored rows of `cols` numbers to numbers [rows, stride] and, for blocks of integers, scales
// [rows, stride / 32]. All of both is written.
void pack_rows(Encoding encoding, const std::byte* stored, int64_t rows, int64_t cols, std::byte* numbers,
               uint16_t* scales);

}  // namespace quern::cuda
