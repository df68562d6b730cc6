// What kernels see of a step: tables in the device's memory. Structs of parameters are passed to kernels by
// value and compared with ==: steps of the same shape have the same addresses, so that a recorded graph can
// be launched again for another step.
#pragma once
#include <cstdint>

struct CUstream_st;

namespace quern::cuda {

using StreamHandle = CUstream_st*;  // a cudaStream_t, for those who do not include CUDA's headers

// Where a kernel is launched: behind what was asked of a stream last.
struct StreamEnd {
  StreamHandle stream = nullptr;
  bool is_kernel = false;  // what was asked last; the next kernel may begin before it has ended

  StreamEnd(StreamHandle handle) : stream(handle) {}
  StreamEnd behind_kernel() const {
    StreamEnd end = stream;
    end.is_kernel = true;
    return end;
  }
};

constexpr int kPagePositions = 16;

// One sequence's rows of a step.
struct SequenceSpan {
  int32_t first_row = 0, rows = 0;
  int32_t first_position = 0;  // of the first row in its sequence
};

struct StepTables {
  int rows = 0, sequences = 0;
  const int32_t* tokens = nullptr;        // [rows]; below 0: drawn[-1 - token]
  const int32_t* drawn = nullptr;         // what the step before drew, by slot
  const int32_t* row_sequence = nullptr;  // [rows]
  const int32_t* row_position = nullptr;  // [rows]
  const SequenceSpan* spans = nullptr;    // [sequences]
  // The page of position p of a sequence: pages[page_starts[group * sequences + sequence] + p / 16]; below 0
  // where no row of the group's layers sees it any more.
  const int32_t* page_starts = nullptr;
  const int32_t* pages = nullptr;

  bool operator==(const StepTables&) const = default;
};

// By what rows are rotated. Pair i of a head's first `dim` numbers is (i, i + dim / 2).
struct Turn {
  const float* cos = nullptr;  // [rows, dim / 2]; null: no rotation
  const float* sin = nullptr;
  int dim = 0;

  bool operator==(const Turn&) const = default;
};

}  // namespace quern::cuda
