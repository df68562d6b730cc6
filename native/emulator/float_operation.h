// What the instructions of f32 and f64 have in common: rounding, flushing of subnormal numbers, one NaN.
#pragma once
#include <cmath>
#include <string_view>

#include "emulator/decoder.h"
#include "emulator/half.h"
#include "emulator/warp.h"

namespace quern::emulator {

inline float flushed(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits & 0x7f800000) ? bits : bits & 0x80000000);
}
inline double canonical(double x) {
  return x == x ? x : std::bit_cast<double>(uint64_t{0x7fffffffffffffff});
}

// An operand and a result, where subnormal numbers are zero (.ftz) or not.
template <bool flushes, class T>
T in(T x) {
  if constexpr (flushes) return flushed(x);
  return x;
}
template <bool flushes, class T>
T out(T x) {
  return in<flushes>(canonical(x));
}

// What an instruction says besides its name and type.
struct Manner {
  std::string_view rounding;  // rn rz rm rp, or none
  bool flushes = false, saturates = false;
};
Manner take_manner(Form& form);

// What does an instruction where rounding is to nearest.
struct FloatHandlers {
  Handler f32, f32_flushing, f64;
};
// `operation` is what it is where rounding is another: + - * / f(used) s(quare root).
void finish_float(Form& form, const Type& type, const Manner& manner, char operation, size_t sources,
                  const FloatHandlers& handlers);

}  // namespace quern::emulator
