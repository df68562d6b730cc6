// One layer's keys and values, and how they lie in a page.
//
// A page has [kv_heads] parts of 16 positions * head_dim numbers, keys and values apart. Where tensor cores
// do attention (bf16 or f16, head_dim a multiple of 16) a part is made of tiles of 256 numbers, 16 positions
// by 16 of head_dim, that lie as mma.m16n8k16 wants its second operand: lane l = 4 g + t reads 16 bytes.
//   keys    [head_dim / 16][lane][half 0..1][4]: position 4 (g / 2) + g % 2 + 2 half, numbers 16 c + 4 t +
//   0..3 values  [head_dim / 16][lane][half 0..1][4]: positions 4 t + 0..3, number 16 c + 8 half + g
// Else a part is plain: [16 positions][head_dim], keys and values alike.
#pragma once
#include <cstdint>

#include "backend/cuda/kernels/host_device.h"

namespace quern::cuda {

enum class KvType : uint8_t { f32, f16, bf16 };

struct KvCache {
  void *keys = nullptr, *values = nullptr;  // [pages, kv_heads, 16 * head_dim]
  int kv_heads = 0, head_dim = 0;
  int group = 0;  // of StepTables::page_starts
  KvType type = KvType::bf16;

  bool operator==(const KvCache&) const = default;
};

QUERN_HD constexpr bool lies_in_tiles(KvType type, int head_dim) {
  return type != KvType::f32 && head_dim % 16 == 0;
}

// Index of number d of a position (0..15) in a part.
QUERN_HD constexpr int plain_index(int head_dim, int position, int d) {
  return position * head_dim + d;
}
// position = 4 a + 2 half + b: g = 2 a + b.
QUERN_HD constexpr int key_tile_index(int position, int d) {
  const int g = position / 4 * 2 + position % 2, half = position / 2 % 2, t = d % 16 / 4;
  return d / 16 * 256 + ((g * 4 + t) * 2 + half) * 4 + d % 4;
}
QUERN_HD constexpr int value_tile_index(int position, int d) {
  const int g = d % 8, half = d / 8 % 2, t = position / 4;
  return d / 16 * 256 + ((g * 4 + t) * 2 + half) * 4 + position % 4;
}

}  // namespace quern::cuda
