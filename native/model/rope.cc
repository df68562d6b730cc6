#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace quern {

namespace {

using Type = RopeScaling::Type;

// theta^(-2i/dim) (Su et al. 2021, RoFormer)
std::vector<double> plain(double theta, int dim) {
  std::vector<double> inverse(static_cast<size_t>(dim / 2));
  for (size_t i = 0; i < inverse.size(); ++i)
    inverse[i] = std::pow(theta, -2.0 * static_cast<double>(i) / dim);
  return inverse;
}

// NTK-aware base, from the sequence's length once that exceeds the trained one (Hugging Face
// modeling_rope_utils.py).
double dynamic_theta(const RopeConfig& config, int length) {
  const RopeScaling& s = config.scaling;
  const double reached = std::max<double>(length, s.original_context);
  return config.theta *
         std::pow(s.factor * reached / s.original_context - (s.factor - 1), config.dim / (config.dim - 2.0));
}

// Low frequencies are stretched, high ones kept, those between ramped (Peng et al. 2023, YaRN, section 3.2
// and 3.4).
RopeFrequencies yarn(const RopeConfig& config) {
  const RopeScaling& s = config.scaling;
  const double dim = config.dim;
  const auto turns_at = [&](double turns) {
    return dim * std::log(s.original_context / (turns * 2 * std::numbers::pi)) / (2 * std::log(config.theta));
  };
  double low = turns_at(s.beta_fast), high = turns_at(s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  if (low == high) high += 0.001;
  RopeFrequencies result{plain(config.theta, config.dim)};
  for (size_t i = 0; i < result.inverse.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    result.inverse[i] = result.inverse[i] / s.factor * ramp + result.inverse[i] * (1 - ramp);
  }
  const auto scale = [&](double mscale) {
    return s.factor <= 1 ? 1.0 : 0.1 * mscale * std::log(s.factor) + 1;
  };
  result.attention_factor = s.attention_factor > 0 ? s.attention_factor
                            : s.mscale != 0 && s.mscale_all_dim != 0
                                ? scale(s.mscale) / scale(s.mscale_all_dim)
                                : scale(1);
  return result;
}

// Long wavelengths are stretched, short ones kept, those between interpolated (Grattafiori et al. 2024, as in
// Hugging Face's modeling_rope_utils.py).
std::vector<double> llama3(const RopeConfig& config) {
  const RopeScaling& s = config.scaling;
  std::vector<double> inverse = plain(config.theta, config.dim);
  for (double& frequency : inverse) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength > s.original_context / s.low_freq_factor) {
      frequency /= s.factor;
    } else if (wavelength >= s.original_context / s.high_freq_factor) {
      const double smooth =
          (s.original_context / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
      frequency = (1 - smooth) * frequency / s.factor + smooth * frequency;
    }
  }
  return inverse;
}

// One list of factors up to the original context, another beyond it (Ding et al. 2024, LongRoPE).
RopeFrequencies longrope(const RopeConfig& config, int length) {
  const RopeScaling& s = config.scaling;
  const auto& factors = length > s.original_context ? s.long_factors : s.short_factors;
  RopeFrequencies result{plain(config.theta, config.dim)};
  for (size_t i = 0; i < result.inverse.size(); ++i) result.inverse[i] /= factors[i];
  result.attention_factor = s.attention_factor > 0 ? s.attention_factor
                            : s.factor <= 1
                                ? 1.0
                                : std::sqrt(1 + std::log(s.factor) / std::log(s.original_context));
  return result;
}

}  // namespace

Rope::Rope(const RopeConfig& config, int longest)
    : config_(config), longest_(longest), within_(frequencies(0)) {}

RopeFrequencies Rope::frequencies(int sequence_length) const {
  RopeFrequencies result;
  switch (config_.scaling.type) {
    case Type::none:
      return {plain(config_.theta, config_.dim)};
    case Type::linear:
      result.inverse = plain(config_.theta, config_.dim);
      for (double& frequency : result.inverse) frequency /= config_.scaling.factor;
      return result;
    case Type::dynamic:
      return {plain(dynamic_theta(config_, sequence_length), config_.dim)};
    case Type::yarn:
      return yarn(config_);
    case Type::llama3:
      return {llama3(config_)};
    case Type::longrope:
      return longrope(config_, sequence_length);
  }
  return result;
}

int Rope::variant(int prompt_length) const {
  const auto type = config_.scaling.type;
  const int length = std::min(prompt_length, longest_);
  if (length <= config_.scaling.original_context) return 0;
  return type == Type::dynamic ? length : type == Type::longrope ? 1 : 0;
}

int Rope::turning_length() const {
  const RopeScaling& scaling = config_.scaling;
  return scaling.type == RopeScaling::Type::longrope && longest_ > scaling.original_context
             ? static_cast<int>(scaling.original_context)
             : 0;
}

const RopeFrequencies& Rope::frequencies_at(int position, int prompt_length, RopeFrequencies& own) const {
  const int length = std::min(std::max(position + 1, prompt_length), longest_);
  const bool depends_on_length =
      config_.scaling.type == Type::dynamic || config_.scaling.type == Type::longrope;
  if (!depends_on_length || length <= config_.scaling.original_context) return within_;
  own = frequencies(length);
  return own;
}

void Rope::angles(int position, int prompt_length, float* cos, float* sin) const {
  RopeFrequencies own;
  const RopeFrequencies& used = frequencies_at(position, prompt_length, own);
  for (size_t i = 0; i < used.inverse.size(); ++i) {
    const double angle = position * used.inverse[i];
    cos[i] = static_cast<float>(std::cos(angle) * used.attention_factor);
    sin[i] = static_cast<float>(std::sin(angle) * used.attention_factor);
  }
}

void Rope::turn(int position, int to, int prompt_length, float* cos, float* sin) const {
  RopeFrequencies own;
  const RopeFrequencies& used = frequencies_at(position, prompt_length, own);
  for (size_t i = 0; i < used.inverse.size(); ++i) {
    const double angle = (to - position) * used.inverse[i];
    cos[i] = static_cast<float>(std::cos(angle));
    sin[i] = static_cast<float>(std::sin(angle));
  }
}

}  // namespace quern
