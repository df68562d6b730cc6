// Rounding of f32 and f64 as an instruction asks for it.
#include "emulator/float_operation.h"

#include <cfenv>

namespace quern::emulator {

namespace {

// Rounding that is not to nearest: the processor's mode is set around each operation.
float saturated(float x) {
  return x > 1 ? 1.0f : x > 0 ? x : 0.0f;
}

template <class T>
__attribute__((noinline)) T rounded_operation(char operation, T a, T b, T c) {
  volatile T x = a, y = b, z = c;  // so that nothing is computed before the mode is set
  volatile T result = 0;
  switch (operation) {
    case '+':
      result = x + y;
      break;
    case '-':
      result = x - y;
      break;
    case '*':
      result = x * y;
      break;
    case '/':
      result = x / y;
      break;
    case 's':
      result = std::sqrt(x);
      break;
    case 'r':
      result = 1 / x;
      break;
    default:
      result = std::fma(x, y, z);
  }
  return result;
}

template <class T, bool flushes>
void rounded(Warp& warp, const Instruction& i, uint32_t lanes) {
  T* d = warp.at<T>(i.d);
  const T *a = warp.at<T>(i.a), *b = warp.at<T>(i.b), *c = warp.at<T>(i.c);
  std::fesetround(static_cast<int>(i.bytes));
  each_lane(lanes, [&](int l) {
    d[l] = out<flushes>(rounded_operation(static_cast<char>(i.kind), in<flushes>(a[l]), in<flushes>(b[l]),
                                          in<flushes>(c[l])));
  });
  std::fesetround(FE_TONEAREST);
}

void saturate(Warp& warp, const Instruction& i, uint32_t lanes) {
  auto* d = warp.at<float>(i.d);
  const auto* a = warp.at<float>(i.a);
  each_lane(lanes, [=](int l) { d[l] = saturated(a[l]); });
}

int mode_of(std::string_view rounding) {
  return rounding == "rz" ? FE_TOWARDZERO : rounding == "rm" ? FE_DOWNWARD : FE_UPWARD;
}

}  // namespace

Manner take_manner(Form& form) {
  Manner manner;
  manner.rounding = form.take_one({"rn", "rz", "rm", "rp"});
  manner.flushes = form.take("ftz");
  manner.saturates = form.take("sat");
  return manner;
}

void finish_float(Form& form, const Type& type, const Manner& manner, char operation, size_t sources,
                  const FloatHandlers& handlers) {
  if (!type.is_float() || type.is_pair || type.bits < 32) form.unsupported();
  if (type.bits == 64 && (manner.flushes || manner.saturates)) form.unsupported();
  form.fill(type, sources);
  if (sources < 2) form.out.b = form.out.a;
  if (sources < 3) form.out.c = form.out.b;
  if (manner.rounding.empty() || manner.rounding == "rn") {
    form.out.run = type.bits == 64 ? handlers.f64 : manner.flushes ? handlers.f32_flushing : handlers.f32;
    if (!form.out.run) form.unsupported();
  } else {
    form.out.kind = static_cast<uint8_t>(operation);
    form.out.bytes = static_cast<uint32_t>(mode_of(manner.rounding));
    form.out.run = type.bits == 64  ? rounded<double, false>
                   : manner.flushes ? rounded<float, true>
                                    : rounded<float, false>;
  }
  if (!manner.saturates) return;
  form.decoder.emit(form.out);
  form.out.a = form.out.d;
  form.out.run = saturate;
}

}  // namespace quern::emulator
