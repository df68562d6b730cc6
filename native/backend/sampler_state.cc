#include "backend/random.h"
#include "backend/sampling.h"

namespace quern {

bool SamplerState::looks_back() const {
  return options_.repetition_penalty != 1 || options_.frequency_penalty != 0 ||
         options_.presence_penalty != 0 || options_.dry.multiplier != 0 || options_.mirostat.version != 0;
}

SampleParams SamplerState::next(std::span<const int32_t> tokens, size_t prompt_tokens, int64_t index) const {
  const auto count = static_cast<uint64_t>(index);
  const float xtc = options_.xtc_probability;
  return {&options_,
          tokens,
          prompt_tokens,
          uniform_draw(seed_, count),
          xtc > 0 && uniform_draw(seed_, count, DrawStream::xtc) <= double{xtc},
          mu_};
}

}  // namespace quern
