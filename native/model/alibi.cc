#include "model/alibi.h"

#include <bit>
#include <cmath>

namespace quern {

std::vector<float> alibi_slopes(int heads) {
  const int power = static_cast<int>(std::bit_floor(static_cast<unsigned>(heads)));
  std::vector<float> slopes;
  for (int head = 0; head < heads; ++head) {
    const double exponent =
        head < power ? -8.0 * (head + 1) / power : -4.0 * (2 * (head - power) + 1) / power;
    slopes.push_back(static_cast<float>(std::exp2(exponent)));
  }
  return slopes;
}

}  // namespace quern
