// What a step does, in order: operations of kernels/operations.h as a stream has recorded them.
#pragma once
#include <variant>

#include "backend/cuda/kernels/operations.h"
#include "backend/cuda/kernels/sampling.h"

namespace quern::cuda {

// The same operation in precision 'exact'.
template <typename Operation>
struct Plain {
  Operation operation;
  bool operator==(const Plain&) const = default;
};

using Operation =
    std::variant<Embed, Norm, AttentionInput, Attention, MatmulAdd, FfnInput, Logits, SampleRows,
                 Plain<AttentionInput>, Plain<Attention>, Plain<MatmulAdd>, Plain<FfnInput>, Plain<Logits>>;

void launch(const Operation& operation, StreamEnd at);

}  // namespace quern::cuda
