// Products of small matrices as tensor cores compute them, bit for bit.
#pragma once
#include <cstdint>

namespace quern::emulator {

enum class SmallFloat { half, brain };

// d[m][n] += the sum over k of a[m][k] * b[k][n], for 16 m, 8 n and `depth` k (8 or 16), each in one step:
// its terms are aligned to the largest exponent, a product's being the sum of its factors' exponents as they
// are; 25 bits of fraction are kept of each and the rest is cut off; the sum is exact, and is cut off to a
// float.
void multiply_add(SmallFloat type, int depth, const uint16_t (&a)[16][16], const uint16_t (&b)[16][8],
                  float (&d)[16][8]);

}  // namespace quern::emulator
