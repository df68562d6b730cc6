// Conversions and arithmetic on numbers of 16 bits: against C++ for integers, and against a search among all
// 65536 halves for what is rounded to one.
#include <algorithm>

#include "ptx_kernel.h"

using namespace ptx_kernel;

namespace {

__extension__ using Exact = __float128;  // holds sums of products of halves exactly
using Half = uint16_t;

struct Format {
  std::string name;
  int fraction_bits, bias;

  int exponent_of(Half x) const { return (x & 0x7fff) >> fraction_bits; }
  bool is_nan(Half x) const { return (x & 0x7fff) > infinity(); }
  Half infinity() const { return static_cast<Half>(0x7fff >> fraction_bits << fraction_bits); }
  double value(Half x) const {
    const int exponent = exponent_of(x), fraction = x & ((1 << fraction_bits) - 1);
    const double sign = x & 0x8000 ? -1 : 1;
    if ((x & 0x7fff) == infinity()) return sign * std::numeric_limits<double>::infinity();
    if (is_nan(x)) return std::numeric_limits<double>::quiet_NaN();
    const double significand = fraction + (exponent ? 1 << fraction_bits : 0);
    return sign * std::ldexp(significand, std::max(exponent, 1) - bias - fraction_bits);
  }
  // The nearest, of two the even one: found among all that there are.
  Half nearest(Exact exact, bool sign_of_zero = false) const {
    if (exact != exact) return 0x7fff;
    const bool is_negative = exact < 0 || (exact == 0 && sign_of_zero);
    const Exact size = exact < 0 ? -exact : exact;
    Half low = 0, high = infinity();  // size lies in [low, high)
    if (size > static_cast<Exact>(std::numeric_limits<double>::max()))
      return static_cast<Half>(infinity() | is_negative << 15);
    while (high - low > 1) {
      const auto middle = static_cast<Half>((low + high) / 2);
      (static_cast<Exact>(value(middle)) <= size ? low : high) = middle;
    }
    // Beyond the largest the next would be twice its step away.
    const Exact next = high == infinity() ? 2 * static_cast<Exact>(value(low)) -
                                                static_cast<Exact>(value(static_cast<Half>(low - 1)))
                                          : static_cast<Exact>(value(high));
    const Exact below = size - static_cast<Exact>(value(low)), above = next - size;
    const Half chosen = below < above || (below == above && low % 2 == 0) ? low : high;
    return static_cast<Half>(chosen | is_negative << 15);
  }
};
const Format kF16{"f16", 10, 15}, kBf16{"bf16", 7, 127};

std::vector<Half> halves() {
  std::vector<Half> all = {0,      0x8000, 1,      0x8001, 0x3ff,  0x400,  0x7f,   0x80,   0x3c00,
                           0x3c01, 0xbc00, 0x3f80, 0x3f81, 0xbf80, 0x7bff, 0xfbff, 0x7c00, 0xfc00,
                           0x7c01, 0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7fff, 0x7fc0, 0x4900, 0x4248};
  for (int i = 0; i < 60; ++i) all.push_back(static_cast<Half>(random_bits()));
  return all;
}

// Some numbers in all, as `Format` sees them, for the arithmetic of one and of two side by side.
void check_arithmetic(const Format& f, bool has_sums) {
  const auto [a, b] = pairs(halves(), halves());
  auto c = some_of(halves(), a.size());
  for (size_t i = 0; i < c.size(); ++i) {  // what is further away than Exact has bits is left out
    const double product = std::fabs(f.value(a[i]) * f.value(b[i])), z = std::fabs(f.value(c[i]));
    if (product > z * 0x1p90 || z > product * 0x1p90) c[i] = 0;
  }
  const auto exact = [&](Half x) { return static_cast<Exact>(f.value(x)); };
  const auto check = [&](const std::string& name, auto reference) {
    check_against<Half>(name + "." + f.name + " %y, %x0, %x1;", reference, a, b);
    // The same two at once, the other way round in the upper half.
    std::vector<uint32_t> x(a.size()), y(a.size());
    for (size_t i = 0; i < a.size(); ++i) {
      x[i] = a[i] | static_cast<uint32_t>(b[i]) << 16;
      y[i] = b[i] | static_cast<uint32_t>(a[i]) << 16;
    }
    check_against<uint32_t>(
        name + "." + f.name + "x2 %y, %x0, %x1;",
        [&](uint32_t u, uint32_t v) {
          const Half low = reference(static_cast<Half>(u), static_cast<Half>(v));
          return low |
                 static_cast<uint32_t>(reference(static_cast<Half>(u >> 16), static_cast<Half>(v >> 16)))
                     << 16;
        },
        x, y);
  };
  if (has_sums) {
    check("add", [&](Half x, Half y) {
      return f.nearest(exact(x) + exact(y), std::signbit(f.value(x) + f.value(y)));
    });
    check("sub", [&](Half x, Half y) {
      return f.nearest(exact(x) - exact(y), std::signbit(f.value(x) - f.value(y)));
    });
    check("mul", [&](Half x, Half y) {
      return f.nearest(exact(x) * exact(y), std::signbit(f.value(x) * f.value(y)));
    });
  }
  const auto least = [&](Half x, Half y) {
    const double u = f.value(x), v = f.value(y);
    if (f.is_nan(x) || f.is_nan(y)) return f.is_nan(x) && f.is_nan(y) ? Half{0x7fff} : f.is_nan(x) ? y : x;
    return u == v ? (x & 0x8000 ? x : y) : u < v ? x : y;
  };
  check("min", least);
  check("max", [&](Half x, Half y) {
    if (f.is_nan(x) && f.is_nan(y)) return Half{0x7fff};
    return static_cast<Half>(least(x ^ 0x8000, y ^ 0x8000) ^ 0x8000);
  });
  check_against<Half>(
      "fma.rn." + f.name + " %y, %x0, %x1, %x2;",
      [&](Half x, Half y, Half z) {
        return f.nearest(exact(x) * exact(y) + exact(z), std::signbit(f.value(x) * f.value(y) + f.value(z)));
      },
      a, b, c);
  check_against<Half>(
      "neg." + f.name + " %y, %x0;", [](Half x) { return static_cast<Half>(x ^ 0x8000); }, a);
  check_against<Half>(
      "abs." + f.name + " %y, %x0;", [](Half x) { return static_cast<Half>(x & 0x7fff); }, a);
  check_against<uint32_t>(
      "setp.lt." + f.name + " %p1, %x0, %x1; selp.u32 %y, 1, 0, %p1;",
      [&](Half x, Half y) { return uint32_t{f.value(x) < f.value(y)}; }, a, b);
  check_against<Half>(
      "set.eq." + f.name + "." + f.name + " %y, %x0, %x1;",
      [&](Half x, Half y) { return f.value(x) == f.value(y) ? f.nearest(1) : Half{0}; }, a, b);
}

template <class T>
std::string type_name() {
  return (std::is_signed_v<T> ? "s" : "u") + std::to_string(8 * sizeof(T));
}

template <class To, class From>
void check_integers() {
  const std::string name = type_name<To>() + "." + type_name<From>() + " %y, %x0;";
  check_against<To>(
      "cvt." + name, [](From x) { return static_cast<To>(x); }, integers<From>());
  __extension__ using Wide = __int128;
  check_against<To>(
      "cvt.sat." + name,
      [](From x) {
        return static_cast<To>(
            std::clamp<Wide>(x, std::numeric_limits<To>::min(), std::numeric_limits<To>::max()));
      },
      integers<From>());
}

template <class To>
void check_to_integer() {
  check_integers<To, int16_t>();
  check_integers<To, uint16_t>();
  check_integers<To, int32_t>();
  check_integers<To, uint32_t>();
  check_integers<To, int64_t>();
  check_integers<To, uint64_t>();
  const auto real = floats();
  for (const auto& [mode, round] : std::vector<std::pair<std::string, double (*)(double)>>{
           {"rni", [](double x) { return std::nearbyint(x); }},
           {"rzi", [](double x) { return std::trunc(x); }},
           {"rmi", [](double x) { return std::floor(x); }},
           {"rpi", [](double x) { return std::ceil(x); }}}) {
    const auto reference = [round = round](double x) {
      const double whole = round(x);
      if (x != x) return static_cast<To>(sizeof(To) == 8 ? uint64_t{1} << 63 : 0);
      const double beyond = std::ldexp(1.0, std::numeric_limits<To>::digits);
      if (whole >= beyond) return std::numeric_limits<To>::max();
      if (whole <= static_cast<double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
      return static_cast<To>(whole);
    };
    check_against<To>("cvt." + mode + "." + type_name<To>() + ".f32 %y, %x0;", reference, real);
    check_against<To>("cvt." + mode + "." + type_name<To>() + ".f64 %y, %x0;", reference,
                      floats_of<double>());
  }
}

template <class From>
void check_from_integer() {
  const auto a = integers<From>();
  check_against<float>(
      "cvt.rn.f32." + type_name<From>() + " %y, %x0;", [](From x) { return static_cast<float>(x); }, a);
  check_against<double>(
      "cvt.rn.f64." + type_name<From>() + " %y, %x0;", [](From x) { return static_cast<double>(x); }, a);
  check_against<Half>(
      "cvt.rn.f16." + type_name<From>() + " %y, %x0;", [](From x) { return kF16.nearest(x); }, a);
}

}  // namespace

TEST(integers_to_integers_and_floats_to_integers) {
  check_to_integer<int16_t>();
  check_to_integer<uint16_t>();
  check_to_integer<int32_t>();
  check_to_integer<uint32_t>();
  check_to_integer<int64_t>();
  check_to_integer<uint64_t>();
}

TEST(bytes) {
  const auto a = integers<uint32_t>();
  check_against<uint32_t>(
      "cvt.u32.u8 %y, %x0;", [](uint32_t x) { return x & 0xff; }, a);
  check_against<uint32_t>(
      "cvt.s32.s8 %y, %x0;", [](uint32_t x) { return static_cast<uint32_t>(static_cast<int8_t>(x)); }, a);
  check_against<uint16_t>(
      "cvt.s16.s8 %y, %x0;", [](uint16_t x) { return static_cast<uint16_t>(static_cast<int8_t>(x)); },
      integers<uint16_t>());
  check_against<uint32_t>(
      "cvt.u8.u32 %y, %x0;", [](uint32_t x) { return x & 0xff; }, a);
  check_against<uint32_t>(
      "cvt.rni.sat.s8.f32 %y, %x0;",
      [](float x) {
        return x != x ? 0u
                      : static_cast<uint32_t>(
                            static_cast<int32_t>(std::clamp(std::nearbyint(x), -128.0f, 127.0f)));
      },
      floats());
  check_against<float>(
      "cvt.rn.f32.s8 %y, %x0;", [](uint32_t x) { return static_cast<float>(static_cast<int8_t>(x)); }, a);
}

TEST(integers_to_floats) {
  check_from_integer<int32_t>();
  check_from_integer<uint32_t>();
  check_from_integer<int64_t>();
  check_from_integer<uint64_t>();
}

TEST(halves_to_floats) {
  std::vector<Half> all;
  for (uint32_t x = 0; x < 65536; ++x) all.push_back(static_cast<Half>(x));
  const auto widened = [](const Format& f) {
    return [&f](Half x) {
      return f.is_nan(x) ? std::bit_cast<float>(0x7fffffffu) : static_cast<float>(f.value(x));
    };
  };
  check_against<float>("cvt.f32.f16 %y, %x0;", widened(kF16), all);
  for (Half& x : all) x = kBf16.is_nan(x) ? 0 : x;  // a NaN of bf16 keeps its bits
  check_against<float>("cvt.f32.bf16 %y, %x0;", widened(kBf16), all);
}

TEST(floats_to_halves) {
  auto a = floats();
  for (int i = 0; i < 5000; ++i) a.push_back(std::bit_cast<float>(static_cast<uint32_t>(random_bits())));
  for (uint32_t x = 0; x < 0x7c00; x += 5) {  // halfway between two halves, and beside
    const auto middle =
        static_cast<float>((kF16.value(static_cast<Half>(x)) + kF16.value(static_cast<Half>(x + 1))) / 2);
    for (const float y : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) a.push_back(y);
  }
  const auto to = [](const Format& f) {
    return [&f](float x) { return f.nearest(static_cast<Exact>(x), std::signbit(x)); };
  };
  check_against<Half>("cvt.rn.f16.f32 %y, %x0;", to(kF16), a);
  check_against<Half>("cvt.rn.bf16.f32 %y, %x0;", to(kBf16), a);
  check_against<Half>(
      "cvt.rn.f16.f64 %y, %x0;",
      [](double x) { return kF16.nearest(static_cast<Exact>(x), std::signbit(x)); }, floats_of<double>());
  const auto b = some_of(a, a.size());
  check_against<uint32_t>(
      "cvt.rn.bf16x2.f32 %y, %x0, %x1;",
      [&](float x, float y) { return to(kBf16)(y) | static_cast<uint32_t>(to(kBf16)(x)) << 16; }, a, b);
  check_against<uint32_t>(
      "cvt.rn.f16x2.f32 %y, %x0, %x1;",
      [&](float x, float y) { return to(kF16)(y) | static_cast<uint32_t>(to(kF16)(x)) << 16; }, a, b);
  const auto cut = [](const Format& f) {
    return [&f](float x) {
      Half nearest = f.nearest(static_cast<Exact>(x), std::signbit(x));
      if (x == x && std::fabs(f.value(nearest)) > std::fabs(double{x})) --nearest;
      return nearest;
    };
  };
  check_against<Half>("cvt.rz.bf16.f32 %y, %x0;", cut(kBf16), a);
  check_against<Half>("cvt.rz.f16.f32 %y, %x0;", cut(kF16), a);
}

TEST(arithmetic_of_halves) {
  check_arithmetic(kF16, true);
}
TEST(arithmetic_of_brain_floats) {
  check_arithmetic(kBf16, true);
}
