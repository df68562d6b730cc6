// Blocks of 256 numbers, and the fields that all blocks are made of. For format.cc, which lists them.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace quern {

void decode_q2_k(const std::byte* block, float* out);
void decode_q3_k(const std::byte* block, float* out);
void decode_q4_k(const std::byte* block, float* out);
void decode_q5_k(const std::byte* block, float* out);
void decode_q6_k(const std::byte* block, float* out);
void decode_iq4_xs(const std::byte* block, float* out);

namespace block_fields {

// What the 4-bit integers of IQ4_NL and IQ4_XS stand for.
inline constexpr float kFourBitLevels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                             1,    13,   25,  38,  53,  69,  89,  113};

inline int byte_at(const std::byte* bytes, int i) {
  return std::to_integer<int>(bytes[i]);
}

inline int signed_at(const std::byte* bytes, int i) {
  return static_cast<int8_t>(byte_at(bytes, i));
}

inline float f16_at(const std::byte* bytes, int i) {
  return to_f32(static_cast<F16>(byte_at(bytes, i) | byte_at(bytes, i + 1) << 8));
}

}  // namespace block_fields
}  // namespace quern
