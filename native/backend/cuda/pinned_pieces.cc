#include "backend/cuda/pinned_pieces.h"

namespace quern::cuda {

PinnedPieces::PinnedPieces(std::shared_ptr<const Context> context)
    : context_(std::move(context)), pieces_{Piece(context_), Piece(context_)} {}

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
