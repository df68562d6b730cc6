// The instructions of f32 and f64 in the interpreter, against C++ or a property that holds of the rounding
// asked for.
#include <algorithm>

#include "ptx_kernel.h"

using namespace ptx_kernel;

namespace {

float one_nan(float x) {
  return x == x ? x : std::bit_cast<float>(0x7fffffffu);
}
double one_nan(double x) {
  return x == x ? x : std::bit_cast<double>(0x7fffffffffffffffull);
}
float flushed(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x;
}

template <class T>
void check_arithmetic() {
  const std::string t = sizeof(T) == 4 ? ".f32" : ".f64";
  const auto [a, b] = pairs(floats_of<T>(), floats_of<T>());
  const auto c = some_of(floats_of<T>(), a.size());
  const auto two = [&](const std::string& name, auto reference) {
    check_against<T>(
        name + t + " %y, %x0, %x1;", [&](T x, T y) { return one_nan(reference(x, y)); }, a, b);
  };
  two("add.rn", [](T x, T y) { return x + y; });
  two("add", [](T x, T y) { return x + y; });
  two("sub.rn", [](T x, T y) { return x - y; });
  two("mul.rn", [](T x, T y) { return x * y; });
  two("div.rn", [](T x, T y) { return x / y; });
  const auto least = [](T x, T y) {
    return x != x ? y : y != y ? x : x == y ? (std::signbit(x) ? x : y) : x < y ? x : y;
  };
  two("min", least);
  two("max", [&](T x, T y) { return -least(-x, -y); });
  check_against<T>(
      "fma.rn" + t + " %y, %x0, %x1, %x2;", [](T x, T y, T z) { return one_nan(std::fma(x, y, z)); }, a, b,
      c);
  check_against<T>(
      "sqrt.rn" + t + " %y, %x0;", [](T x) { return one_nan(std::sqrt(x)); }, a);
  check_against<T>(
      "rcp.rn" + t + " %y, %x0;", [](T x) { return one_nan(1 / x); }, a);
  check_against<T>(
      "copysign" + t + " %y, %x0, %x1;", [](T x, T y) { return std::copysign(y, x); }, a, b);
}

// Numbers whose sums, products and fused products a double holds exactly.
std::vector<float> near_one() {
  std::vector<float> all;
  for (int i = 0; i < 400; ++i) {
    const auto bits = static_cast<uint32_t>(random_bits());
    all.push_back(std::bit_cast<float>((bits & 0x807fffff) | 0x3f800000));  // 1 to 2, of either sign
  }
  return all;
}

// The float that an exact result is rounded to.
float rounded(double exact, const std::string& mode) {
  float result = static_cast<float>(exact);
  const auto towards = [&](float limit) {
    if (limit > 0 ? result < exact : result > exact) result = std::nextafter(result, limit);
    return result;
  };
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (mode == "rp") return towards(kInfinity);
  if (mode == "rm") return towards(-kInfinity);
  if (mode == "rz" && std::fabs(double{result}) > std::fabs(exact)) result = std::nextafter(result, 0.0f);
  return result;
}

}  // namespace

TEST(arithmetic) {
  check_arithmetic<float>();
  check_arithmetic<double>();
}

TEST(rounding) {
  const auto a = near_one(), b = near_one(), c = near_one();
  for (const std::string mode : {"rn", "rz", "rm", "rp"}) {
    check_against<float>(
        "add." + mode + ".f32 %y, %x0, %x1;",
        [&](float x, float y) {
          // -0 of a sum that is zero, where rounding is downward
          return mode == "rm" && x == -y ? -0.0f : rounded(double{x} + y, mode);
        },
        a, b);
    check_against<float>(
        "mul." + mode + ".f32 %y, %x0, %x1;", [&](float x, float y) { return rounded(double{x} * y, mode); },
        a, b);
    check_against<float>(
        "fma." + mode + ".f32 %y, %x0, %x1, %x2;",
        [&](float x, float y, float z) { return rounded(double{x} * y + z, mode); }, a, b, c);
    check_against<float>(
        "cvt." + mode + ".f32.f64 %y, %x0;", [&](double x) { return rounded(x, mode); },
        [&] {
          std::vector<double> all;
          for (size_t i = 0; i < a.size(); ++i) all.push_back(double{a[i]} * b[i]);
          return all;
        }());
  }
}

TEST(subnormal_numbers_are_flushed) {
  const auto [a, b] = pairs(floats(), floats());
  check_against<float>(
      "add.ftz.f32 %y, %x0, %x1;", [](float x, float y) { return flushed(one_nan(flushed(x) + flushed(y))); },
      a, b);
  check_against<float>(
      "mul.ftz.f32 %y, %x0, %x1;", [](float x, float y) { return flushed(one_nan(flushed(x) * flushed(y))); },
      a, b);
  check_against<float>(
      "fma.rn.ftz.f32 %y, %x0, %x1, %x0;",
      [](float x, float y) { return flushed(one_nan(std::fma(flushed(x), flushed(y), flushed(x)))); }, a, b);
  check_against<uint32_t>(
      "setp.eq.ftz.f32 %p1, %x0, 0f00000000; selp.u32 %y, 1, 0, %p1;",
      [](float x, float) { return uint32_t{flushed(x) == 0}; }, a, b);
}

TEST(saturation) {
  const auto [a, b] = pairs(floats(), floats());
  const auto saturated = [](float x) { return x > 1 ? 1.0f : x > 0 ? x : 0.0f; };
  check_against<float>(
      "add.sat.f32 %y, %x0, %x1;", [&](float x, float y) { return saturated(x + y); }, a, b);
  check_against<float>(
      "fma.rn.sat.f32 %y, %x0, %x1, %x1;", [&](float x, float y) { return saturated(std::fma(x, y, y)); }, a,
      b);
  check_against<float>("cvt.sat.f32.f32 %y, %x0;", saturated, a);
}

TEST(signs) {
  check_against<float>(
      "neg.f32 %y, %x0;", [](float x) { return -x; }, floats());
  check_against<float>(
      "abs.f32 %y, %x0;", [](float x) { return std::fabs(x); }, floats());
  check_against<double>(
      "neg.f64 %y, %x0;", [](double x) { return -x; }, floats_of<double>());
}

TEST(functions) {
  const auto a = floats();
  const auto check = [&](const std::string& name, double (*function)(double)) {
    check_against<float>(
        name + ".approx.f32 %y, %x0;", [&](float x) { return one_nan(static_cast<float>(function(x))); }, a);
    check_against<float>(
        name + ".approx.ftz.f32 %y, %x0;",
        [&](float x) { return flushed(one_nan(static_cast<float>(function(flushed(x))))); }, a);
  };
  check("ex2", [](double x) { return std::exp2(x); });
  check("lg2", [](double x) { return std::log2(x); });
  check("sin", [](double x) { return std::sin(x); });
  check("cos", [](double x) { return std::cos(x); });
  check("rsqrt", [](double x) { return 1 / std::sqrt(x); });
  check("rcp", [](double x) { return 1 / x; });
  check("sqrt", [](double x) { return std::sqrt(x); });
  check_against<float>(
      "tanh.approx.f32 %y, %x0;", [](float x) { return one_nan(static_cast<float>(std::tanh(double{x}))); },
      a);
  check_against<float>(
      "div.approx.f32 %y, %x0, %x1;", [](float x, float y) { return one_nan(x / y); }, a,
      some_of(a, a.size()));
  check_against<float>(
      "div.full.f32 %y, %x0, %x1;", [](float x, float y) { return one_nan(x / y); }, a, some_of(a, a.size()));
}

TEST(comparisons) {
  const auto [a, b] = pairs(floats(), floats());
  const auto compare = [&](const std::string& name, auto reference) {
    check_against<uint32_t>(
        "setp." + name + ".f32 %p1, %x0, %x1; selp.b32 %y, 7, 9, %p1;",
        [&](float x, float y) { return reference(x, y) ? 7u : 9u; }, a, b);
    check_against<float>(
        "set." + name + ".f32.f32 %y, %x0, %x1;",
        [&](float x, float y) { return reference(x, y) ? 1.0f : 0.0f; }, a, b);
  };
  const auto unordered = [](float x, float y) { return std::isnan(x) || std::isnan(y); };
  compare("eq", [](float x, float y) { return x == y; });
  compare("ne", [&](float x, float y) { return x != y && !unordered(x, y); });
  compare("lt", [](float x, float y) { return x < y; });
  compare("le", [](float x, float y) { return x <= y; });
  compare("gt", [](float x, float y) { return x > y; });
  compare("ge", [](float x, float y) { return x >= y; });
  compare("equ", [&](float x, float y) { return x == y || unordered(x, y); });
  compare("neu", [](float x, float y) { return x != y; });
  compare("ltu", [&](float x, float y) { return x < y || unordered(x, y); });
  compare("leu", [&](float x, float y) { return x <= y || unordered(x, y); });
  compare("gtu", [&](float x, float y) { return x > y || unordered(x, y); });
  compare("geu", [&](float x, float y) { return x >= y || unordered(x, y); });
  compare("num", [&](float x, float y) { return !unordered(x, y); });
  compare("nan", [&](float x, float y) { return unordered(x, y); });
}

TEST(kinds_of_numbers) {
  const auto a = floats();
  const auto test = [&](const std::string& name, auto reference) {
    check_against<uint32_t>(
        "testp." + name + ".f32 %p1, %x0; selp.b32 %y, 7, 9, %p1;",
        [&](float x) { return reference(x) ? 7u : 9u; }, a);
  };
  test("finite", [](float x) { return std::isfinite(x); });
  test("infinite", [](float x) { return std::isinf(x); });
  test("number", [](float x) { return !std::isnan(x); });
  test("notanumber", [](float x) { return std::isnan(x); });
  test("normal", [](float x) { return std::isnormal(x); });
  test("subnormal", [](float x) { return std::fpclassify(x) == FP_SUBNORMAL; });
}
