// DRY, "don't repeat yourself" (p-e-w 2024): a token is penalised by how long a repetition it would continue.
//
//   z[t] -= multiplier * base^(n[t] - allowed_length)   where n[t] >= allowed_length
//
// n[t] is the length of the longest suffix of the context that also occurs earlier, followed by t, without
// reaching back over a sequence breaker. All n come from one run of the Z-algorithm over the reversed context
// (Gusfield 1997), in time and memory proportional to its length.
//
// Where several breakers overlap, the last that begins counts, and there the longest.
#include <algorithm>
#include <cmath>

#include "backend/cpu/sampling/penalties.h"

namespace quern::cpu {

namespace {

// The context read backwards: 0 is the last token.
struct Backwards {
  std::span<const int32_t> tokens;
  size_t size() const { return tokens.size(); }
  int32_t operator[](size_t i) const { return tokens[tokens.size() - 1 - i]; }
};

// How many of its tokens, or none, the breaker has from `begin` on towards the end of the context.
size_t breaker_at(Backwards context, size_t begin, const std::vector<int32_t>& breaker) {
  if (breaker.empty() || breaker.size() > begin + 1) return 0;
  for (size_t i = 0; i < breaker.size(); ++i)
    if (context[begin - i] != breaker[i]) return 0;
  return breaker.size();
}

// Tokens after the last breaker, where that is less than `reach`; else `reach`.
int32_t tokens_since_breaker(Backwards context, const std::vector<std::vector<int32_t>>& breakers,
                             int32_t reach) {
  size_t longest = 0;
  for (const auto& breaker : breakers) longest = std::max(longest, breaker.size());
  const size_t end = std::min(context.size(), static_cast<size_t>(reach) + longest);
  for (size_t begin = 0; begin < end; ++begin) {
    size_t size = 0;
    for (const auto& breaker : breakers) size = std::max(size, breaker_at(context, begin, breaker));
    if (size > 0) return std::min(reach, static_cast<int32_t>(begin + 1 - size));
  }
  return reach;
}

// matches[i]: how many tokens from i on equal those from 0 on.
void find_matches(Backwards context, std::span<int32_t> matches) {
  const auto size = static_cast<int32_t>(context.size());
  int32_t left = 0, right = 0;  // the match that reaches furthest is [left, right)
  for (int32_t i = 1; i < size; ++i) {
    int32_t match = i < right ? std::min(right - i, matches[static_cast<size_t>(i - left)]) : 0;
    while (i + match < size &&
           context[static_cast<size_t>(match)] == context[static_cast<size_t>(i + match)]) {
      ++match;
    }
    matches[static_cast<size_t>(i)] = match;
    if (i + match > right) {
      left = i;
      right = i + match;
    }
  }
}

}  // namespace

void Penalties::dry(std::span<float> logits, std::span<const int32_t> tokens, const DryOptions& options) {
  if (options.last_tokens >= 0 && static_cast<size_t>(options.last_tokens) < tokens.size())
    tokens = tokens.last(static_cast<size_t>(options.last_tokens));
  const Backwards context{tokens};
  if (static_cast<int64_t>(tokens.size()) <= std::max(1, options.allowed_length)) return;
  matches_.resize(std::max(matches_.size(), tokens.size()));
  const std::span<int32_t> matches(matches_.data(), tokens.size());
  find_matches(context, matches);
  const int32_t reach = *std::max_element(matches.begin() + 1, matches.end());
  if (reach < options.allowed_length) return;
  const int32_t limit = tokens_since_breaker(context, options.breakers, reach);
  if (limit < options.allowed_length) return;

  auto* const lengths = counts_.as<int32_t>();  // n[t] + 1
  for (size_t i = 1; i < tokens.size(); ++i) {
    int32_t& length = lengths[context[i - 1]];  // what followed the suffix that ends at i
    length = std::max(length, std::min(matches[i], limit) + 1);
  }
  for (const auto& breaker : options.breakers) {
    if (breaker.size() == 1 && static_cast<size_t>(breaker[0]) < logits.size()) lengths[breaker[0]] = 0;
  }
  // No power is larger than a float holds.
  constexpr double kLogLargest = 88.7228391;
  const double most = options.base > 1.000001f ? std::floor(kLogLargest / std::log(double{options.base})) : 0;
  for (const int32_t token : tokens) {
    const int32_t length = lengths[token] - 1;
    lengths[token] = 0;
    if (length < options.allowed_length) continue;
    double exponent = length - options.allowed_length;
    if (most > 0) exponent = std::min(exponent, most);
    logits[static_cast<size_t>(token)] -=
        static_cast<float>(double{options.multiplier} * std::pow(double{options.base}, exponent));
  }
}

}  // namespace quern::cpu
