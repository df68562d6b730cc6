#pragma once
#include <vector>

namespace quern {

// The slopes of heads that tell positions apart by ALiBi (Press, Smith and Lewis 2022): a geometric sequence
// from 2^(-8/heads) where heads is a power of two; else that of the power of two below it, and behind it
// every second one of the power of two above.
std::vector<float> alibi_slopes(int heads);

}  // namespace quern
