// What the bytes of weights mean.
//
// A block is a few scales and many small integers: number = scale * integer, or scale * integer + offset.
// Fields follow each other without padding; numbers of more than one byte are little-endian. `d`, `m` and
// `dmin` are f16. In the diagrams, bit 7 of a byte is at the left and q(17) is the integer of number 17.
//
// Every product is exact in f32: 11 bits of an f16, and at most 12 of a block's scale and integer together.
// So only the addition of an offset rounds, once, and no compiler can change a result by reordering or
// fusing. The sign of a zero alone depends on the order: d * scale comes first, then the integer.
#include "core/format.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "core/error.h"
#include "core/format_blocks.h"
#include "core/quantize.h"

namespace quern {
namespace {

using block_fields::byte_at;
using block_fields::f16_at;
using block_fields::kFourBitLevels;
using block_fields::signed_at;

// --- blocks of 32 numbers
//
// Their 4-bit integers lie in 16 bytes, the two halves of the block side by side:
//   byte j   | q(j+16) : 4 | q(j) : 4 |     j = 0 ... 15
template <typename Store>
void for_each_nibble(const std::byte* quants, Store store) {
  for (int j = 0; j < 16; ++j) {
    store(j, byte_at(quants, j) & 15);
    store(j + 16, byte_at(quants, j) >> 4);
  }
}

// The fifth bits, where there are any, are a 32-bit word before them: bit e belongs to number e.
class FifthBits {
 public:
  explicit FifthBits(const std::byte* word) {
    for (int i = 0; i < 4; ++i) bits_ |= static_cast<uint32_t>(byte_at(word, i)) << 8 * i;
  }
  int of(int e) const { return static_cast<int>(bits_ >> e & 1) << 4; }

 private:
  uint32_t bits_ = 0;
};

//   0 d | 2 q[32] signed bytes            d * q
void decode_q8_0(const std::byte* block, float* out) {
  const float d = f16_at(block, 0);
  for (int e = 0; e < 32; ++e) out[e] = d * static_cast<float>(signed_at(block + 2, e));
}

//   0 d | 2 nibbles[16]                   d * (q - 8)
void decode_q4_0(const std::byte* block, float* out) {
  const float d = f16_at(block, 0);
  for_each_nibble(block + 2, [&](int e, int q) { out[e] = d * static_cast<float>(q - 8); });
}

//   0 d | 2 m | 4 nibbles[16]             d * q + m
void decode_q4_1(const std::byte* block, float* out) {
  const float d = f16_at(block, 0), m = f16_at(block, 2);
  for_each_nibble(block + 4, [&](int e, int q) { out[e] = d * static_cast<float>(q) + m; });
}

//   0 d | 2 fifth bits | 6 nibbles[16]    d * (q - 16)
void decode_q5_0(const std::byte* block, float* out) {
  const float d = f16_at(block, 0);
  const FifthBits fifth(block + 2);
  for_each_nibble(block + 6,
                  [&](int e, int low) { out[e] = d * static_cast<float>((low | fifth.of(e)) - 16); });
}

//   0 d | 2 m | 4 fifth bits | 8 nibbles[16]     d * q + m
void decode_q5_1(const std::byte* block, float* out) {
  const float d = f16_at(block, 0), m = f16_at(block, 2);
  const FifthBits fifth(block + 4);
  for_each_nibble(block + 8, [&](int e, int low) { out[e] = d * static_cast<float>(low | fifth.of(e)) + m; });
}

//   0 d | 2 nibbles[16]                   d * level[q]: steps that are finer near zero
void decode_iq4_nl(const std::byte* block, float* out) {
  const float d = f16_at(block, 0);
  for_each_nibble(block + 2, [&](int e, int q) { out[e] = d * kFourBitLevels[q]; });
}

//   0 exponent | 1 nibbles[16]            2^(exponent - 127) * e2m1(q)
//
// A nibble is a float of four bits, | sign | exponent : 2 | mantissa : 1 |; the table holds its double, so
// that it is whole, and the scale is halved for it. The code for -0 counts as 0. Exponent 255 has no special
// meaning here: its largest numbers overflow to infinity.
void decode_mxfp4(const std::byte* block, float* out) {
  constexpr float kTwiceE2m1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  const float half_scale = std::ldexp(1.0f, byte_at(block, 0) - 128);
  for_each_nibble(block + 1, [&](int e, int q) { out[e] = half_scale * kTwiceE2m1[q]; });
}

// --- numbers stored one by one

void decode_f16(const std::byte* block, float* out) {
  *out = f16_at(block, 0);
}

//   the upper half of an f32
void decode_bf16(const std::byte* block, float* out) {
  *out = to_f32(static_cast<Bf16>(byte_at(block, 0) | byte_at(block, 1) << 8));
}

void decode_f8_e4m3(const std::byte* block, float* out) {
  *out = to_f32(static_cast<F8E4m3>(byte_at(block, 0)));
}

void decode_f8_e5m2(const std::byte* block, float* out) {
  *out = to_f32(static_cast<F8E5m2>(byte_at(block, 0)));
}

void decode_f32(const std::byte* block, float* out) {
  std::memcpy(out, block, sizeof(float));
}

void encode_f32(const float* number, std::byte* block) {
  std::memcpy(block, number, sizeof(float));
}
void encode_f16(const float* number, std::byte* block) {
  const F16 stored = to_f16(*number);
  std::memcpy(block, &stored, sizeof stored);
}
void encode_bf16(const float* number, std::byte* block) {
  const Bf16 stored = to_bf16(*number);
  std::memcpy(block, &stored, sizeof stored);
}

constexpr Format kFormats[] = {
    {"F32", 1, 4, decode_f32, encode_f32},
    {"F16", 1, 2, decode_f16, encode_f16, 65504},
    {"BF16", 1, 2, decode_bf16, encode_bf16, 0x1.fep127f},
    {"F8_E4M3", 1, 1, decode_f8_e4m3, nullptr},
    {"F8_E5M2", 1, 1, decode_f8_e5m2, nullptr},
    {"Q8_0", 32, 34, decode_q8_0, encode_q8_0, 127 * 65504.0f},
    {"Q4_0", 32, 18, decode_q4_0, encode_q4_0, 8 * 65504.0f},
    {"Q4_1", 32, 20, decode_q4_1, nullptr},
    {"Q5_0", 32, 22, decode_q5_0, nullptr},
    {"Q5_1", 32, 24, decode_q5_1, nullptr},
    {"IQ4_NL", 32, 18, decode_iq4_nl, nullptr},
    {"MXFP4", 32, 17, decode_mxfp4, nullptr},
    {"Q2_K", 256, 84, decode_q2_k, nullptr},
    {"Q3_K", 256, 110, decode_q3_k, nullptr},
    {"Q4_K", 256, 144, decode_q4_k, nullptr},
    {"Q5_K", 256, 176, decode_q5_k, nullptr},
    {"Q6_K", 256, 210, decode_q6_k, nullptr},
    {"IQ4_XS", 256, 136, decode_iq4_xs, nullptr},
};

constexpr int kMostNumbers = 256;  // of a block

}  // namespace

std::span<const Format> formats() {
  return kFormats;
}

const Format* find_format(std::string_view name) {
  for (const Format& format : kFormats)
    if (format.name == name) return &format;
  return nullptr;
}

const Format& format_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
      return kFormats[0];
    case Dtype::f16:
      return kFormats[1];
    case Dtype::bf16:
      return kFormats[2];
  }
  throw Error("internal",
              "format_of: no data type has the number " + std::to_string(static_cast<int>(dtype)));
}

void decode_row(const Format& format, const std::byte* row, int64_t cols, float* out) {
  int64_t col = 0;
  for (; col + format.numbers <= cols; col += format.numbers, row += format.bytes)
    format.decode(row, out + col);
  if (col == cols) return;
  float last[kMostNumbers];
  format.decode(row, last);
  std::copy_n(last, cols - col, out + col);
}

void encode_row(const Format& format, const float* numbers, int64_t cols, std::byte* row) {
  int64_t col = 0;
  for (; col + format.numbers <= cols; col += format.numbers, row += format.bytes)
    format.encode(numbers + col, row);
  if (col == cols) return;
  float last[kMostNumbers] = {};
  std::copy_n(numbers + col, cols - col, last);
  format.encode(last, row);
}

}  // namespace quern
