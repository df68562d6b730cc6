#pragma once
#include <cstddef>
#include <memory>

#include "backend/cuda/cuda_handles.h"
#include "backend/cuda/cuda_memory.h"

namespace quern::cuda {

// What bytes go through between the host and the GPU: two pieces of memory that it copies from and to on its
// own, so that the host fills or empties one while the other is on its way. They take no memory before they
// are asked for it, and keep what they have. The stream they are used on is done with when they end.
class PinnedPieces {
 public:
  explicit PinnedPieces(std::shared_ptr<const Context> context);

  // The other piece than the last, once all is copied that was asked for when it was handed over. What is in
  // it is still there where it had so many bytes before. Throws Error out_of_memory.
  std::byte* next(size_t bytes);
  // The GPU has the piece until it has done what the stream was asked for so far.
  void hand_over(cudaStream_t stream);
  // Which of the two it is, 0 or 1.
  int current() const { return current_; }

 private:
  struct Piece {
    explicit Piece(const std::shared_ptr<const Context>& context) : copied(context, cudaEventDisableTiming) {}
    PinnedBuffer memory;
    OwnedEvent copied;
  };
  const std::shared_ptr<const Context> context_;
  Piece pieces_[2];
  int current_ = 1;
};

}  // namespace quern::cuda
