// The instances of gemm.cuh, and which tile a product gets.
#include "backend/cuda/kernels/gemm.cuh"

#include <type_traits>

#include "backend/cuda/kernels/gemm.h"
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/with_encoding.h"

namespace quern::cuda {
namespace {

template <typename Shape>
bool fills(Product p) {
  const int64_t blocks = int64_t{set_tiles(p, Shape::weights)} * ((p.rows + Shape::rows - 1) / Shape::rows);
  return blocks >= p.workspace.multiprocessors;
}

template <Encoding encoding, typename Shape>
void launch(Product p, StreamEnd at) {
  constexpr int bytes = Piece<encoding, Shape>::shared_bytes;
  const auto kernel = gemm<encoding, Shape>;
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  const int tiles = set_tiles(p, Shape::weights);
  const dim3 blocks((p.rows + Shape::rows - 1) / Shape::rows, tiles);
  launch_kernel("gemm", kernel, blocks, kGemmThreads, bytes, at, p);
}

// The largest tile with which every processor has one.
template <Encoding encoding>
void launch_for(const Product& p, StreamEnd at) {
  using Largest = std::conditional_t<Layout<encoding>::has_scales, WideTile, LargeTile>;
  if (p.rows > MediumTile::rows && fills<Largest>(p)) return launch<encoding, Largest>(p, at);
  if (fills<MediumTile>(p)) return launch<encoding, MediumTile>(p, at);
  launch<encoding, SmallTile>(p, at);
}

}  // namespace

void launch_gemm(const Product& p, StreamEnd at) {
  with_encoding(p.parts[0].encoding, [&](auto of) { launch_for<of.encoding>(p, at); });
}

}  // namespace quern::cuda
