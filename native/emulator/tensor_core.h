// Products of small matrices as tensor cores compute them, bit for bit.
#pragma once
#include <cstdint>

namespace quern::emulator {

enum class SmallFloat { half, brain };

// d[n] += sum over k of a[k] * b[k][n], for k below `depth` (8 or 16) and 8 n, in one step. The 17 (or 9)
// terms are aligned to the largest exponent, a product's being the sum of its factors' exponents as they are;
// 25 bits of fraction are kept of each and the rest is cut off; the sum is exact, and is cut off to a float.
void multiply_add(SmallFloat type, int depth, const uint16_t* a, const uint16_t (*b)[8], float* d);

}  // namespace quern::emulator
