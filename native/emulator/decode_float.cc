// Arithmetic on f32 and f64, and the instructions that all types share by name.
#include "emulator/decode_arithmetic.h"
#include "emulator/float_operation.h"

namespace quern::emulator {

namespace {

// ---- of two and three numbers. `flushes`: subnormal numbers are zero (.ftz).
template <bool flushes>
constexpr auto plus = []<class T>(T a, T b) { return out<flushes>(in<flushes>(a) + in<flushes>(b)); };
template <bool flushes>
constexpr auto minus = []<class T>(T a, T b) { return out<flushes>(in<flushes>(a) - in<flushes>(b)); };
template <bool flushes>
constexpr auto times = []<class T>(T a, T b) { return out<flushes>(in<flushes>(a) * in<flushes>(b)); };
template <bool flushes>
constexpr auto over = []<class T>(T a, T b) { return out<flushes>(in<flushes>(a) / in<flushes>(b)); };
template <bool flushes>
constexpr auto fused = []<class T>(T a, T b, T c) {
  return out<flushes>(std::fma(in<flushes>(a), in<flushes>(b), in<flushes>(c)));
};
// min and max: a NaN is passed over unless both are; -0 is less than 0.
template <bool flushes, bool is_max, bool spreads_nan>
constexpr auto extreme = []<class T>(T x, T y) {
  const T a = in<flushes>(x), b = in<flushes>(y);
  if (a != a || b != b) {
    if (spreads_nan || (a != a && b != b)) return canonical(a + b);
    return a != a ? b : a;
  }
  if (a == b) return std::signbit(a) == is_max ? b : a;
  return (a < b) == is_max ? b : a;
};

template <auto operation, auto flushing>
constexpr FloatHandlers two = {binary<operation, float, float>, binary<flushing, float, float>,
                               binary<operation, double, double>};
template <auto operation, auto flushing>
constexpr FloatHandlers three = {ternary<operation, float, float>, ternary<flushing, float, float>,
                                 ternary<operation, double, double>};

void decode_sum(Form& form) {
  const bool is_difference = form.name() == "sub";
  const Manner manner = take_manner(form);
  const Type type = form.type();
  if (!type.is_float()) {
    return decode_integer_sum(form, type, manner.saturates);
  }
  if (type.bits == 16) return decode_half_arithmetic(form, type, manner);
  if (is_difference) return finish_float(form, type, manner, '-', 2, two<minus<false>, minus<true>>);
  finish_float(form, type, manner, '+', 2, two<plus<false>, plus<true>>);
}

void decode_product(Form& form) {
  const Manner manner = take_manner(form);
  const Type type = form.type();
  if (!type.is_float()) return decode_integer_product(form, type);
  if (type.bits == 16) return decode_half_arithmetic(form, type, manner);
  finish_float(form, type, manner, '*', 2, two<times<false>, times<true>>);
}

void decode_fma(Form& form) {
  const Manner manner = take_manner(form);
  const Type type = form.type();
  if (type.bits == 16) return decode_half_arithmetic(form, type, manner);
  finish_float(form, type, manner, 'f', 3, three<fused<false>, fused<true>>);
}

void decode_quotient(Form& form) {
  const bool is_close = !form.take_one({"approx", "full"}).empty();
  const Manner manner = take_manner(form);
  const Type type = form.type();
  if (!type.is_float()) return decode_integer_quotient(form, type);
  if (is_close && type.bits != 32) form.unsupported();
  finish_float(form, type, manner, '/', 2, two<over<false>, over<true>>);
}

template <bool flushes, class T>
Handler extreme_of(bool is_max, bool spreads_nan) {
  if (is_max)
    return spreads_nan ? binary<extreme<flushes, true, true>, T, T>
                       : binary<extreme<flushes, true, false>, T, T>;
  return spreads_nan ? binary<extreme<flushes, false, true>, T, T>
                     : binary<extreme<flushes, false, false>, T, T>;
}

void decode_extreme(Form& form) {
  const bool flushes = form.take("ftz"), spreads_nan = form.take("NaN");
  const Type type = form.type();
  if (!type.is_float()) return decode_integer_extreme(form, type);
  if (type.bits == 16) return decode_half_extreme(form, type, spreads_nan);
  const bool is_max = form.name() == "max";
  form.fill(type, 2);
  form.out.run = type.bits == 64 ? extreme_of<false, double>(is_max, spreads_nan)
                 : flushes       ? extreme_of<true, float>(is_max, spreads_nan)
                                 : extreme_of<false, float>(is_max, spreads_nan);
}

constexpr auto negative = []<class T>(T a) { return static_cast<T>(a ^ T{1} << (8 * sizeof(T) - 1)); };
constexpr auto magnitude = []<class T>(T a) { return static_cast<T>(a & ~(T{1} << (8 * sizeof(T) - 1))); };
constexpr auto flushed_negative = [](float a) { return flushed(-a); };
constexpr auto flushed_magnitude = [](float a) { return flushed(std::fabs(a)); };

void decode_sign(Form& form) {
  const bool flushes = form.take("ftz"), negates = form.name() == "neg";
  const Type type = form.type();
  if (!type.is_float()) return decode_integer_sign(form, type);
  if (type.bits == 16) return decode_half_sign(form, type);
  form.fill(type, 1);
  if (type.bits == 64) {
    form.out.run = negates ? unary<negative, uint64_t, uint64_t> : unary<magnitude, uint64_t, uint64_t>;
  } else if (flushes) {
    form.out.run = negates ? unary<flushed_negative, float, float> : unary<flushed_magnitude, float, float>;
  } else {
    form.out.run = negates ? unary<negative, uint32_t, uint32_t> : unary<magnitude, uint32_t, uint32_t>;
  }
}

// The sign of a with the magnitude of b.
void decode_copysign(Form& form) {
  const Type type = form.type();
  form.fill(type, 2);
  form.out.run = type.bits == 64
                     ? binary<[](double a, double b) { return std::copysign(b, a); }, double, double>
                     : binary<[](float a, float b) { return std::copysign(b, a); }, float, float>;
}

}  // namespace

void add_float_forms(DecodeTable& table) {
  table["add"] = decode_sum;
  table["sub"] = decode_sum;
  table["mul"] = decode_product;
  table["fma"] = decode_fma;
  table["div"] = decode_quotient;
  table["min"] = decode_extreme;
  table["max"] = decode_extreme;
  table["neg"] = decode_sign;
  table["abs"] = decode_sign;
  table["copysign"] = decode_copysign;
}

}  // namespace quern::emulator
