// Arithmetic on f16 and bf16, alone and in pairs. A result is rounded once: sums, differences and products of
// halves are exact enough in float for that, and fused ones are taken through odd rounding.
#include "emulator/decode_arithmetic.h"

namespace quern::emulator {

namespace {

struct Half {
  static float widened(uint16_t x) { return of_half(x); }
  static uint16_t narrowed(float x) { return to_half(x); }
};
struct Brain {
  static float widened(uint16_t x) { return of_brain(x); }
  static uint16_t narrowed(float x) { return to_brain(x); }
};

template <class F>
constexpr auto plus = [](uint16_t a, uint16_t b) { return F::narrowed(F::widened(a) + F::widened(b)); };
template <class F>
constexpr auto minus = [](uint16_t a, uint16_t b) { return F::narrowed(F::widened(a) - F::widened(b)); };
template <class F>
constexpr auto times = [](uint16_t a, uint16_t b) { return F::narrowed(F::widened(a) * F::widened(b)); };
template <class F>
constexpr auto fused = [](uint16_t a, uint16_t b, uint16_t c) {
  const double product = static_cast<double>(F::widened(a)) * F::widened(b);
  return F::narrowed(to_odd_float(odd_sum(product, F::widened(c))));
};
template <class F, bool is_max, bool spreads_nan>
constexpr auto extreme = [](uint16_t x, uint16_t y) {
  const float a = F::widened(x), b = F::widened(y);
  if (a != a || b != b) {
    if (spreads_nan || (a != a && b != b)) return kHalfNan;
    return a != a ? y : x;
  }
  if (a == b) return std::signbit(a) == is_max ? y : x;
  return (a < b) == is_max ? y : x;
};
constexpr auto negative = [](uint16_t a) { return static_cast<uint16_t>(a ^ 0x8000); };
constexpr auto magnitude = [](uint16_t a) { return static_cast<uint16_t>(a & 0x7fff); };
constexpr auto saturated_half = [](uint16_t a) {
  const float x = of_half(a);
  return to_half(x > 1 ? 1.0f : x > 0 ? x : 0.0f);
};
constexpr auto relu_half = [](uint16_t a) {
  return static_cast<uint16_t>((a & 0x7fff) > 0x7c00 ? kHalfNan : a & 0x8000 ? 0 : a);
};

// The same on both halves of 32 bits.
template <auto operation>
constexpr auto both = [](auto... x) {
  const uint32_t low = operation(static_cast<uint16_t>(x)...),
                 high = operation(static_cast<uint16_t>(x >> 16)...);
  return low | high << 16;
};

template <auto operation>
Handler one(const Type& type) {
  return type.is_pair ? unary<both<operation>, uint32_t, uint32_t> : unary<operation, uint16_t, uint16_t>;
}
template <auto operation>
Handler two(const Type& type) {
  return type.is_pair ? binary<both<operation>, uint32_t, uint32_t> : binary<operation, uint16_t, uint16_t>;
}
template <auto operation>
Handler three(const Type& type) {
  return type.is_pair ? ternary<both<operation>, uint32_t, uint32_t> : ternary<operation, uint16_t, uint16_t>;
}

template <class F>
Handler arithmetic(std::string_view name, const Type& type) {
  if (name == "add") return two<plus<F>>(type);
  if (name == "sub") return two<minus<F>>(type);
  if (name == "mul") return two<times<F>>(type);
  return three<fused<F>>(type);
}

template <class F>
Handler extreme_of(const Type& type, bool is_max, bool spreads_nan) {
  if (is_max) return spreads_nan ? two<extreme<F, true, true>>(type) : two<extreme<F, true, false>>(type);
  return spreads_nan ? two<extreme<F, false, true>>(type) : two<extreme<F, false, false>>(type);
}

bool is_brain(const Type& type) {
  return type.kind == Type::Kind::brain;
}

}  // namespace

void decode_half_arithmetic(Form& form, const Type& type, const Manner& manner) {
  if (manner.flushes || !(manner.rounding.empty() || manner.rounding == "rn")) form.unsupported();
  if (manner.saturates && is_brain(type)) form.unsupported();
  const std::string_view name = form.name();
  form.fill(type, name == "fma" ? 3 : 2);
  form.out.run = is_brain(type) ? arithmetic<Brain>(name, type) : arithmetic<Half>(name, type);
  const bool is_relu = form.take("relu");
  if (!manner.saturates && !is_relu) return;
  form.decoder.emit(form.out);
  form.out.a = form.out.d;
  form.out.run = is_relu ? one<relu_half>(type) : one<saturated_half>(type);
}

void decode_half_extreme(Form& form, const Type& type, bool spreads_nan) {
  form.fill(type, 2);
  const bool is_max = form.name() == "max";
  form.out.run = is_brain(type) ? extreme_of<Brain>(type, is_max, spreads_nan)
                                : extreme_of<Half>(type, is_max, spreads_nan);
}

void decode_half_sign(Form& form, const Type& type) {
  form.fill(type, 1);
  form.out.run = form.name() == "neg" ? one<negative>(type) : one<magnitude>(type);
}

}  // namespace quern::emulator
