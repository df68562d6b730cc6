#include "backend/cuda/pinned_pieces.h"

namespace quern::cuda {

PinnedPieces::PinnedPieces(std::shared_ptr<const Context> context) : context_(std::move(context)) {
  context_->enter();
  for (Piece& piece : pieces_)
    context_->check(cudaEventCreateWithFlags(&piece.copied, cudaEventDisableTiming), "cudaEventCreate");
}

PinnedPieces::~PinnedPieces() {
  if (!context_->enter_to_release()) return;
  for (const Piece& piece : pieces_) cudaEventDestroy(piece.copied);
}

std::byte* PinnedPieces::next(size_t bytes) {
  current_ = 1 - current_;
  Piece& piece = pieces_[current_];
  context_->check(cudaEventSynchronize(piece.copied), "copying");
  if (piece.memory.bytes() < bytes) piece.memory = PinnedBuffer(context_, bytes);
  return piece.memory.as<std::byte>();
}

void PinnedPieces::hand_over(cudaStream_t stream) {
  context_->check(cudaEventRecord(pieces_[current_].copied, stream), "copying");
}

}  // namespace quern::cuda
