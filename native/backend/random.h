#pragma once
#include <cstdint>

namespace quern {

// The draw of one token, uniform in [0, 1) with 53 bits: Philox4x32-10 (Salmon et al. 2011) keyed by the
// request's seed, counting the tokens generated. A request's draws depend on nothing else, so they survive
// batching and preemption. Draws for different purposes come from different streams.
enum class DrawStream : uint32_t { token = 0, xtc = 1 };
inline double uniform_draw(uint64_t seed, uint64_t index, DrawStream stream = DrawStream::token) {
  uint32_t counter[4] = {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                         static_cast<uint32_t>(stream), 0};
  uint32_t key[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xd2511f53u} * counter[0], b = uint64_t{0xcd9e8d57u} * counter[2];
    const uint32_t next[4] = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
                              static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    for (int i = 0; i < 4; ++i) counter[i] = next[i];
    key[0] += 0x9e3779b9u;
    key[1] += 0xbb67ae85u;
  }
  const uint64_t bits = uint64_t{counter[0]} << 32 | counter[1];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace quern
