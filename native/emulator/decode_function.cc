// Roots and functions of f32 (and f64 where the device has them). Those of .approx are correctly rounded
// here, and within a few units of the last place on a device.
#include "emulator/float_operation.h"

namespace quern::emulator {

namespace {

template <bool flushes>
constexpr auto root = []<class T>(T a) { return out<flushes>(std::sqrt(in<flushes>(a))); };
template <bool flushes>
constexpr auto reciprocal = []<class T>(T a) { return out<flushes>(T{1} / in<flushes>(a)); };
template <bool flushes>
constexpr auto inverse_root = []<class T>(T a) {
  return out<flushes>(static_cast<T>(1 / std::sqrt(static_cast<double>(in<flushes>(a)))));
};
// A function of doubles, rounded once.
template <double (*function)(double), bool flushes>
constexpr auto of_double =
    [](float a) { return out<flushes>(static_cast<float>(function(static_cast<double>(in<flushes>(a))))); };

template <auto operation, auto flushing>
constexpr FloatHandlers one = {unary<operation, float, float>, unary<flushing, float, float>,
                               unary<operation, double, double>};
template <double (*function)(double)>
constexpr FloatHandlers function_of_float = {unary<of_double<function, false>, float, float>,
                                             unary<of_double<function, true>, float, float>, nullptr};

double power_of_2(double x) {
  return std::exp2(x);
}
double logarithm(double x) {
  return std::log2(x);
}
double sine(double x) {
  return std::sin(x);
}
double cosine(double x) {
  return std::cos(x);
}
double tangent(double x) {
  return std::tanh(x);
}

template <double (*function)(double)>
void decode_function(Form& form) {
  form.take("approx");
  const Manner manner = take_manner(form);
  const Type type = form.type();
  if (type.bits != 32 || manner.saturates || !manner.rounding.empty()) form.unsupported();
  finish_float(form, type, manner, 0, 1, function_of_float<function>);
}

// 1 / a, where rounding is another: a division.
void decode_rcp(Form& form) {
  form.take("approx");
  const Manner manner = take_manner(form);
  const Type type = form.type();
  finish_float(form, type, manner, 'r', 1, one<reciprocal<false>, reciprocal<true>>);
}

void decode_sqrt(Form& form) {
  form.take("approx");
  const Manner manner = take_manner(form);
  finish_float(form, form.type(), manner, 's', 1, one<root<false>, root<true>>);
}

void decode_rsqrt(Form& form) {
  form.take("approx");
  const Manner manner = take_manner(form);
  if (!manner.rounding.empty()) form.unsupported();
  finish_float(form, form.type(), manner, 0, 1, one<inverse_root<false>, inverse_root<true>>);
}

}  // namespace

void add_function_forms(DecodeTable& table) {
  table["sqrt"] = decode_sqrt;
  table["rsqrt"] = decode_rsqrt;
  table["rcp"] = decode_rcp;
  table["ex2"] = decode_function<power_of_2>;
  table["lg2"] = decode_function<logarithm>;
  table["sin"] = decode_function<sine>;
  table["cos"] = decode_function<cosine>;
  table["tanh"] = decode_function<tangent>;
}

}  // namespace quern::emulator
