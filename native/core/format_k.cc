// Blocks of 256 numbers: groups of 16 or 32 have small integer scales of their own, and `d` (and `dmin`, for
// the offsets) scales the scales. Notation and rounding: format.cc.
#include "core/format_blocks.h"

namespace quern {
namespace {

using block_fields::byte_at;
using block_fields::f16_at;
using block_fields::kFourBitLevels;
using block_fields::signed_at;

struct ScaleAndOffset {
  int scale, offset;
};

// Eight pairs of 6 bits, (s0, o0) ... (s7, o7), in the twelve bytes of Q4_K and Q5_K. The first four pairs
// have bytes of their own; the other four have their low nibbles together and their high bits above the first
// four.
//   byte i       | s(i+4) bits 5-4 | s(i) : 6 |                   i = 0 ... 3
//   byte i + 4   | o(i+4) bits 5-4 | o(i) : 6 |
//   byte i + 8   | o(i+4) bits 3-0 | s(i+4) bits 3-0 |
ScaleAndOffset six_bit_pair(const std::byte* packed, int group) {
  if (group < 4) return {byte_at(packed, group) & 63, byte_at(packed, group + 4) & 63};
  const int low = byte_at(packed, group + 4);
  return {(low & 15) | byte_at(packed, group - 4) >> 6 << 4, low >> 4 | byte_at(packed, group) >> 6 << 4};
}

// Sixteen scales of 6 bits in the twelve bytes of Q3_K: eight bytes of low nibbles, four of high bits.
//   byte i       | s(i+8) bits 3-0 | s(i) bits 3-0 |              i = 0 ... 7
//   byte i + 8   | s(i+12) | s(i+8) | s(i+4) | s(i) | bits 5-4    i = 0 ... 3
int six_bit_scale(const std::byte* packed, int group) {
  const int low = byte_at(packed, group % 8) >> group / 8 * 4 & 15;
  const int high = byte_at(packed, 8 + group % 4) >> group / 4 * 2 & 3;
  return low | high << 4;
}

}  // namespace

//   0 scales[16] | 16 quants[64] | 80 d | 82 dmin          d * scale * q - dmin * offset
//
//   scales byte g         | offset : 4 | scale : 4 |        of numbers 16g ... 16g + 15
//   quants byte 32n + l   | q(+96) | q(+64) | q(+32) | q(128n + l) |    2 bits each; l = 0 ... 31, n = 0, 1
void decode_q2_k(const std::byte* block, float* out) {
  const std::byte* quants = block + 16;
  const float d = f16_at(block, 80), dmin = f16_at(block, 82);
  for (int group = 0; group < 16; ++group) {
    const int first = group * 16, shift = first % 128 / 32 * 2;
    const float scale = d * static_cast<float>(byte_at(block, group) & 15);
    const float offset = dmin * static_cast<float>(byte_at(block, group) >> 4);
    const std::byte* from = quants + first / 128 * 32 + first % 32;
    for (int l = 0; l < 16; ++l)
      out[first + l] = scale * static_cast<float>(byte_at(from, l) >> shift & 3) - offset;
  }
}

//   0 third bits[32] | 32 quants[64] | 96 scales[12] | 108 d          d * (scale - 32) * (q - 4)
//
//   third bits byte l     bit b belongs to number 32b + l    (b = 0 ... 7)
//   quants byte 32n + l   | q(+96) | q(+64) | q(+32) | q(128n + l) |    the lower two bits, as in Q2_K
void decode_q3_k(const std::byte* block, float* out) {
  const std::byte* quants = block + 32;
  const float d = f16_at(block, 108);
  for (int group = 0; group < 16; ++group) {
    const int first = group * 16, shift = first % 128 / 32 * 2, third = first / 32;
    const float scale = d * static_cast<float>(six_bit_scale(block + 96, group) - 32);
    const std::byte* from = quants + first / 128 * 32 + first % 32;
    const std::byte* bits = block + first % 32;
    for (int l = 0; l < 16; ++l) {
      const int q = (byte_at(from, l) >> shift & 3) | (byte_at(bits, l) >> third & 1) << 2;
      out[first + l] = scale * static_cast<float>(q - 4);
    }
  }
}

//   0 d | 2 dmin | 4 scales and offsets[12] | 16 quants[128]          d * scale * q - dmin * offset
//
//   quants byte 32n + l   | q(64n + 32 + l) : 4 | q(64n + l) : 4 |      l = 0 ... 31, n = 0 ... 3
void decode_q4_k(const std::byte* block, float* out) {
  const float d = f16_at(block, 0), dmin = f16_at(block, 2);
  for (int group = 0; group < 8; ++group) {
    const auto pair = six_bit_pair(block + 4, group);
    const float scale = d * static_cast<float>(pair.scale), offset = dmin * static_cast<float>(pair.offset);
    const std::byte* from = block + 16 + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int l = 0; l < 32; ++l)
      out[group * 32 + l] = scale * static_cast<float>(byte_at(from, l) >> shift & 15) - offset;
  }
}

//   0 d | 2 dmin | 4 scales and offsets[12] | 16 fifth bits[32] | 48 quants[128]
//                                                                    d * scale * q - dmin * offset
//   fifth bits byte l     bit g belongs to number 32g + l    (g = 0 ... 7)
//   quants                the lower four bits, as in Q4_K
void decode_q5_k(const std::byte* block, float* out) {
  const std::byte* fifth = block + 16;
  const float d = f16_at(block, 0), dmin = f16_at(block, 2);
  for (int group = 0; group < 8; ++group) {
    const auto pair = six_bit_pair(block + 4, group);
    const float scale = d * static_cast<float>(pair.scale), offset = dmin * static_cast<float>(pair.offset);
    const std::byte* from = block + 48 + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int l = 0; l < 32; ++l) {
      const int q = (byte_at(from, l) >> shift & 15) | (byte_at(fifth, l) >> group & 1) << 4;
      out[group * 32 + l] = scale * static_cast<float>(q) - offset;
    }
  }
}

//   0 low bits[128] | 128 high bits[64] | 192 scales[16] signed bytes | 208 d     d * scale * (q - 32)
//
//   low byte 64n + l      | q(128n + 64 + l) bits 3-0 | q(128n + l) bits 3-0 |    l = 0 ... 63, n = 0, 1
//   high byte 32n + l     | q(+96) | q(+64) | q(+32) | q(128n + l) | bits 5-4     l = 0 ... 31
//   scales byte g         of numbers 16g ... 16g + 15
void decode_q6_k(const std::byte* block, float* out) {
  const float d = f16_at(block, 208);
  for (int group = 0; group < 16; ++group) {
    const int first = group * 16, half = first / 128, inside = first % 128;
    const float scale = d * static_cast<float>(signed_at(block + 192, group));
    const std::byte* low = block + half * 64 + inside % 64;
    const std::byte* high = block + 128 + half * 32 + inside % 32;
    const int low_shift = inside / 64 * 4, high_shift = inside / 32 * 2;
    for (int l = 0; l < 16; ++l) {
      const int q = (byte_at(low, l) >> low_shift & 15) | (byte_at(high, l) >> high_shift & 3) << 4;
      out[first + l] = scale * static_cast<float>(q - 32);
    }
  }
}

//   0 d | 2 high bits of scales[2] | 4 low bits of scales[4] | 8 quants[128]     d * (scale - 32) * level[q]
//
//   low byte i            | s(2i+1) bits 3-0 | s(2i) bits 3-0 |             scale g: numbers 32g ... 32g + 31
//   high byte i           | s(4i+3) | s(4i+2) | s(4i+1) | s(4i) | bits 5-4
//   quants byte 16g + j   | q(32g + 16 + j) : 4 | q(32g + j) : 4 |         j = 0 ... 15, g = 0 ... 7
void decode_iq4_xs(const std::byte* block, float* out) {
  const float d = f16_at(block, 0);
  for (int group = 0; group < 8; ++group) {
    const int low = byte_at(block + 4, group / 2) >> group % 2 * 4 & 15;
    const int high = byte_at(block + 2, group / 4) >> group % 4 * 2 & 3;
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    const std::byte* from = block + 8 + group * 16;
    for (int j = 0; j < 16; ++j) {
      out[group * 32 + j] = scale * kFourBitLevels[byte_at(from, j) & 15];
      out[group * 32 + 16 + j] = scale * kFourBitLevels[byte_at(from, j) >> 4];
    }
  }
}

}  // namespace quern
