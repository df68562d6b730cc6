// Numbers to blocks of integers with one scale. For format.cc, which lists the formats.
//
// Both formats are symmetric, number = scale * integer, as weights are. Root mean square errors, relative, of
// normally distributed numbers: 8 bits 0.0054; 4 bits 0.0859 (0.0972 with the largest number at 7 instead of
// -8). An offset beside the scale (Q4_1, 5 bits a number instead of 4.5) has 0.0782. A scale fitted by least
// squares has 0.0811, and yet a real model says texts less likely with it, since it shrinks what is large.
#pragma once
#include <cstddef>

namespace quern {

// 32 numbers -> f16 scale, 32 signed bytes: scale = largest magnitude / 127. A number that is none, or beyond
// what f16 scales reach, makes all of its block so.
void encode_q8_0(const float* numbers, std::byte* block);

// 32 numbers -> f16 scale, 32 integers of 4 bits from -8 to 7: the number that is farthest from zero becomes
// -8. Numbers that are none: as encode_q8_0.
void encode_q4_0(const float* numbers, std::byte* block);

}  // namespace quern
