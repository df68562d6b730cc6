// How weights in blocks lie in memory: a panel is 16 rows, whose columns come 64 at a time. A piece is the
// integers of two blocks of each row, then the 32 scales, so that a product reads one stream:
//
//   block 0 | block 1 | scales f16 [2 blocks][16 rows]
//
// Within a block, the bytes of four neighbouring columns of a row stand together, and the 16 rows side by
// side: what one 512-bit register multiplies with four activations that all rows share, and what an AMX tile
// takes.
//
//   8 bits:  [8 groups of 4 columns][16 rows][4 bytes], signed
//   4 bits:  [4 groups][16 rows][4 bytes], | group g + 4 : 4 | group g : 4 |, 8 more than the integer
#pragma once
#include "backend/cpu/kernels/activation_block.h"
#include "backend/cpu/kernels/matmul_kernel.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {
namespace {

constexpr int kPanelRows = 16, kGroupBytes = 4 * kPanelRows;
constexpr int kPieceBlocks = 2, kScalesBytes = kPieceBlocks * kPanelRows * 2;
constexpr int kRowVectors = kPanelRows / kLanes;  // vectors that have a lane for each row of a panel

using Bytes = uint8_t __attribute__((vector_size(4 * kLanes)));

// Integers of 8 bits, in Q8_0's blocks: scale, 32 signed bytes.
struct EightBits {
  static constexpr const char* kFormat = "Q8_0";
  static constexpr int kBlockBytes = 8 * kGroupBytes, kStoredBytes = 34;
  static constexpr bool kSigned = true;
  // Groups `group` and `group` + 4 of a block, for the rows of vector v.
  static void load_groups(const uint8_t* block, int group, int v, Bytes (&into)[2]) {
    const uint8_t* const at = block + group * kGroupBytes + v * 4 * kLanes;
    into[0] = load_bits<Bytes>(at);
    into[1] = load_bits<Bytes>(at + 4 * kGroupBytes);
  }
  static int stored(const uint8_t* block, int col) { return static_cast<int8_t>(block[2 + col]); }
  static void put(uint8_t* block, int row, int col, int value) {
    block[col / 4 * kGroupBytes + row * 4 + col % 4] = static_cast<uint8_t>(value);
  }
  static int get(const uint8_t* block, int row, int col) {
    return static_cast<int8_t>(block[col / 4 * kGroupBytes + row * 4 + col % 4]);
  }
};

// Integers of 4 bits, in Q4_0's blocks: scale, then column c and c + 16 in a byte, 8 more than they are.
struct FourBits {
  static constexpr const char* kFormat = "Q4_0";
  static constexpr int kBlockBytes = 4 * kGroupBytes, kStoredBytes = 18;
  static constexpr bool kSigned = false;  // load_groups() gives 8 more than the integers
  static void load_groups(const uint8_t* block, int group, int v, Bytes (&into)[2]) {
    using Halves = uint16_t __attribute__((vector_size(4 * kLanes)));
    const auto both = load_bits<Bytes>(block + group * kGroupBytes + v * 4 * kLanes);
    into[0] = both & 15;
    into[1] = reinterpret_cast<Bytes>(reinterpret_cast<Halves>(both) >> 4) & 15;
  }
  static int stored(const uint8_t* block, int col) { return (block[2 + col % 16] >> col / 16 * 4 & 15) - 8; }
  static void put(uint8_t* block, int row, int col, int value) {
    uint8_t& byte = block[col / 4 % 4 * kGroupBytes + row * 4 + col % 4];
    byte = static_cast<uint8_t>(byte | (value + 8) << col / 16 * 4);
  }
  static int get(const uint8_t* block, int row, int col) {
    return (block[col / 4 % 4 * kGroupBytes + row * 4 + col % 4] >> col / 16 * 4 & 15) - 8;
  }
};

template <typename Bits>
constexpr int kPieceBytes = kPieceBlocks * Bits::kBlockBytes + kScalesBytes;

constexpr int64_t pieces_of(int64_t k) {
  return activation_blocks(k) / kPieceBlocks;
}

// What lies behind a matrix's last row or column has the scale 0.
template <typename Bits>
void pack_blocks(const PackParams& p) {
  const int64_t blocks = (p.k + kBlockColumns - 1) / kBlockColumns;
  const auto* from = static_cast<const uint8_t*>(p.from);
  for (int64_t row = p.first_row; row < p.first_row + p.rows; ++row) {
    auto* const panel =
        static_cast<uint8_t*>(p.panels) + row / kPanelRows * pieces_of(p.k) * kPieceBytes<Bits>;
    const int lane = static_cast<int>(row % kPanelRows);
    for (int64_t b = 0; b < blocks; ++b, from += Bits::kStoredBytes) {
      uint8_t* const piece = panel + b / kPieceBlocks * kPieceBytes<Bits>;
      uint8_t* const block = piece + b % kPieceBlocks * Bits::kBlockBytes;
      for (int col = 0; col < kBlockColumns; ++col) Bits::put(block, lane, col, Bits::stored(from, col));
      __builtin_memcpy(piece + kPieceBlocks * Bits::kBlockBytes + (b % kPieceBlocks * kPanelRows + lane) * 2,
                       from, 2);
    }
  }
}

template <typename Bits>
void unpack_blocks(const UnpackParams& p) {
  const auto* const panel =
      static_cast<const uint8_t*>(p.panels) + p.row / kPanelRows * pieces_of(p.k) * kPieceBytes<Bits>;
  const int lane = static_cast<int>(p.row % kPanelRows);
  for (int64_t col = 0; col < p.k; ++col) {
    const int64_t b = col / kBlockColumns;
    const uint8_t* const piece = panel + b / kPieceBlocks * kPieceBytes<Bits>;
    const auto* const scales = reinterpret_cast<const F16*>(piece + kPieceBlocks * Bits::kBlockBytes);
    p.out[col] = to_f32(scales[b % kPieceBlocks * kPanelRows + lane]) *
                 static_cast<float>(Bits::get(piece + b % kPieceBlocks * Bits::kBlockBytes, lane,
                                              static_cast<int>(col % kBlockColumns)));
  }
}

// Some rows of a panel, as many as `kVectors` vectors have lanes, from vector `first` on.
struct PanelRows {
  const uint8_t* panel;
  int first;
};

// Where a tile's results go.
struct TileOut {
  float* at;  // of token 0 and the panel's first row
  int64_t stride;
  int first_row, end_row;  // of the panel's rows, those that are written
};

template <bool kAccumulate>
inline void store_rows(const TileOut& out, int token, int v, F32 sums) {
  float* const to = out.at + token * out.stride + v * kLanes;
  const int first = out.first_row - v * kLanes, end = out.end_row - v * kLanes;
  if (first <= 0 && end >= kLanes) {
    store(to, kAccumulate ? load(to) + sums : sums);
    return;
  }
  for (int lane = first < 0 ? 0 : first; lane < kLanes && lane < end; ++lane)
    to[lane] = kAccumulate ? to[lane] + sums[lane] : sums[lane];
}

constexpr int64_t kTokensBytes = 192 << 10;  // of x, in the second-level cache beside the panels' stream

// Calls tile.run<kAccumulate, kTokens>(x, panel, v, k, out) for every panel and every few tokens: at most
// kMostTokens, for `kVectors` vectors at a time.
template <typename Tile, bool kAccumulate, int kTokens>
inline void run_tile(const MatmulParams& p, const char* x, const uint8_t* panel, const TileOut& out,
                     int tokens) {
  if (tokens == kTokens) {
    constexpr int kVectors = Tile::template kVectors<kTokens>;
    for (int v = 0; v < kRowVectors; v += kVectors)
      Tile::template run<kAccumulate, kTokens>(x, p.x_stride, {panel, v}, p.k, out);
    return;
  }
  if constexpr (kTokens > 1) run_tile<Tile, kAccumulate, kTokens - 1>(p, x, panel, out, tokens);
}

template <typename Tile, bool kAccumulate>
void multiply_panels(const MatmulParams& p) {
  constexpr int kMost = Tile::kMostTokens;
  const auto* const x = static_cast<const char*>(p.x);
  const int64_t panel_bytes = pieces_of(p.k) * kPieceBytes<typename Tile::Weights>;
  const int64_t end_row = p.first_row + p.rows, fit = kTokensBytes / p.x_stride;
  const int block = static_cast<int>(fit < kMost ? kMost : fit - fit % kMost);
  for (int t0 = 0; t0 < p.tokens; t0 += block) {
    const int t1 = t0 + block < p.tokens ? t0 + block : p.tokens;
    for (int64_t panel = p.first_row / kPanelRows; panel * kPanelRows < end_row; ++panel) {
      const int64_t row =
          panel * kPanelRows;  // may lie before first_row; then its first rows are not written
      const auto* const w = static_cast<const uint8_t*>(p.w) + panel * panel_bytes;
      for (int t = t0; t < t1; t += kMost) {
        const TileOut out{p.out + t * p.out_stride + (row - p.first_row), p.out_stride,
                          static_cast<int>(row < p.first_row ? p.first_row - row : 0),
                          static_cast<int>(end_row - row < kPanelRows ? end_row - row : kPanelRows)};
        run_tile<Tile, kAccumulate, kMost>(p, x + t * p.x_stride, w, out, t1 - t < kMost ? t1 - t : kMost);
      }
    }
  }
}

// The row of the list for this tile.
template <typename Tile>
constexpr MatmulKernel block_kernel(const char* isa, Activations activations) {
  using Bits = typename Tile::Weights;
  return {isa,
          Bits::kFormat,
          activations,
          kPanelRows,
          kPieceBlocks * kBlockColumns,
          kPieceBytes<Bits>,
          pack_blocks<Bits>,
          unpack_blocks<Bits>,
          [](const MatmulParams& p) {
            p.accumulate ? multiply_panels<Tile, true>(p) : multiply_panels<Tile, false>(p);
          },
          Tile::multiply_adds};
}

}  // namespace
}  // namespace quern::cpu::QUERN_ISA
