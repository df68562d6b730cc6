// A step's tables on their way to the GPU: written into memory that it copies from, with one copy, while the
// step before may still be running. Two steps may be on their way, so there are two such pieces; on the GPU
// there is one, for it takes steps in order. Steps of the same numbers of rows and sequences find their
// tables at the same addresses.
#pragma once
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda/cuda_memory.h"
#include "backend/cuda/kernels/step.h"

namespace quern::cuda {

class StepUpload {
 public:
  StepUpload(std::shared_ptr<const Context> context, const StreamLimits& limits);

  // Reads the step. What is on the GPU may be written over only by copy().
  void begin(const StepInput& input, const int32_t* drawn);
  const StepTables& tables() const { return tables_; }
  Turn turn(int rope) const;
  // Rows of x for the last norm, beside those of earlier calls of this step. Their address on the GPU.
  const int32_t* choose(std::span<const int32_t> rows);
  // The highest position of a row.
  int longest() const { return longest_; }

  // Copies the tables, after all that the stream does already. Another step may begin then; not a third
  // before the first is done.
  void copy(cudaStream_t stream);

 private:
  static constexpr int kInFlight = 2;
  // Where a table of so many bytes begins, behind those before it.
  size_t take(size_t bytes);
  template <typename T>
  T* host(size_t offset) const;
  template <typename T>
  const T* device(size_t offset) const;
  void reserve(size_t bytes);

  const std::shared_ptr<const Context> context_;
  PinnedBuffer host_[kInFlight];
  DeviceBuffer device_;
  int current_ = 0;
  size_t used_ = 0;
  size_t chosen_ = 0, chosen_count_ = 0, most_chosen_ = 0;

  StepTables tables_;
  std::vector<Turn> turns_;
  int longest_ = 0;
};

}  // namespace quern::cuda
