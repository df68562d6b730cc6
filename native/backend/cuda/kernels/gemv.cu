// The instances of gemv.cuh, and how many blocks they get.
#include "backend/cuda/kernels/gemv.cuh"

#include <algorithm>

#include "backend/cuda/kernels/gemv.h"
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/with_encoding.h"

namespace quern::cuda {
namespace {

constexpr int kMostBlocksOfProcessor = 2;
constexpr int kMostRowBytes = 90 << 10;  // of a block, on every device, beside its own arrays
constexpr int kSharedUnasked =
    32 << 10;  // less than what a kernel gets without asking, its own arrays beside it

template <Encoding encoding, int columns, bool in_shared>
void launch(Product p, int shared_bytes, StreamEnd at) {
  const auto kernel = gemv<encoding, columns, in_shared>;
  // Always the same: other threads launch this kernel too, with more or less.
  if (shared_bytes > kSharedUnasked)
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMostRowBytes);
  // As many blocks as run at once, each with as many tiles. Registers are there for two; where shared memory
  // is for one, a second would be late and copy x once more.
  int of_processor = 1;
  cudaOccupancyMaxActiveBlocksPerMultiprocessor(&of_processor, kernel, kGemvThreads, shared_bytes);
  const int tiles = set_tiles(p, kTileRows);
  const int most = std::clamp(of_processor, 1, kMostBlocksOfProcessor) * p.workspace.multiprocessors;
  const int turns = (tiles + most - 1) / most;
  const int blocks = (tiles + turns - 1) / turns;
  launch_kernel("gemv", kernel, blocks, kGemvThreads, shared_bytes, at, p, tiles);
}

template <Encoding encoding>
void launch_for(const Product& p, StreamEnd at) {
  const int bytes = gemv_shared_bytes(p);
  if (bytes > 0) return launch<encoding, 1, true>(p, bytes, at);
  if (p.rows <= 8) return launch<encoding, 1, false>(p, 0, at);
  if (p.rows <= 16) return launch<encoding, 2, false>(p, 0, at);
  launch<encoding, 4, false>(p, 0, at);
}

}  // namespace

int gemv_shared_bytes(const Product& p) {
  if (p.rows > kMostSharedRows) return 0;
  const int64_t bytes = int64_t{p.rows} * shared_pitch(p.parts[0].stride);
  return bytes <= kMostRowBytes ? static_cast<int>(bytes) : 0;
}

void launch_gemv(const Product& p, StreamEnd at) {
  with_encoding(p.parts[0].encoding, [&](auto of) { launch_for<of.encoding>(p, at); });
}

}  // namespace quern::cuda
