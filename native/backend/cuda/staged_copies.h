#pragma once
#include <span>

#include "backend/backend.h"
#include "backend/cuda/pinned_pieces.h"

namespace quern::cuda {

// Copies between a GPU and memory of the host that it cannot reach. Such memory makes every copy a wait of
// its own, and a page of keys and values is two small copies for each layer: so they go through pinned
// pieces, many to a piece, with a wait for each of those. The first copies take 2 MiB, which are kept.
class StagedCopies {
 public:
  explicit StagedCopies(std::shared_ptr<const Context> context);

  // Both are done on return; after a failure nothing of theirs is under way. Throws what Context::check does.
  void upload(std::span<const Copy> copies, cudaStream_t stream);
  void download(std::span<const Copy> copies, cudaStream_t stream);

 private:
  const std::shared_ptr<const Context> context_;
  PinnedPieces pieces_;
};

}  // namespace quern::cuda
