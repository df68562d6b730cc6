// The integer instructions of the interpreter, against C++, on corners and random numbers.
#include <algorithm>

#include "ptx_kernel.h"

using namespace ptx_kernel;

namespace {

template <class T>
std::string type_name() {
  return (std::is_signed_v<T> ? "s" : "u") + std::to_string(8 * sizeof(T));
}
__extension__ using Wide = __int128;

template <class T>
void check_arithmetic() {
  const std::string t = "." + type_name<T>();
  const auto [a, b] = pairs(integers<T>(), integers<T>());
  const auto c = some_of(integers<T>(), a.size());
  const auto two = [&](const std::string& name, auto reference) {
    check_against<T>(name + t + " %y, %x0, %x1;", reference, a, b);
  };
  two("add", [](T x, T y) { return static_cast<T>(Wide{x} + y); });
  two("sub", [](T x, T y) { return static_cast<T>(Wide{x} - y); });
  two("mul.lo", [](T x, T y) { return static_cast<T>(Wide{x} * y); });
  two("mul.hi", [](T x, T y) { return static_cast<T>((Wide{x} * y) >> (8 * sizeof(T))); });
  two("min", [](T x, T y) { return std::min(x, y); });
  two("max", [](T x, T y) { return std::max(x, y); });
  two("div", [](T x, T y) { return y == 0 ? static_cast<T>(-1) : static_cast<T>(Wide{x} / y); });
  two("rem", [](T x, T y) { return y == 0 ? x : static_cast<T>(Wide{x} % y); });
  check_against<T>(
      "mad.lo" + t + " %y, %x0, %x1, %x2;", [](T x, T y, T z) { return static_cast<T>(Wide{x} * y + z); }, a,
      b, c);
  check_against<T>(
      "sad" + t + " %y, %x0, %x1, %x2;",
      [](T x, T y, T z) { return static_cast<T>((x < y ? Wide{y} - x : Wide{x} - y) + z); }, a, b, c);
}

template <class T, class W>
void check_wide() {
  const auto [a, b] = pairs(integers<T>(), integers<T>());
  const auto c = some_of(integers<W>(), a.size());
  check_against<W>(
      "mul.wide." + type_name<T>() + " %y, %x0, %x1;", [](T x, T y) { return static_cast<W>(Wide{x} * y); },
      a, b);
  check_against<W>(
      "mad.wide." + type_name<T>() + " %y, %x0, %x1, %x2;",
      [](T x, T y, W z) { return static_cast<W>(Wide{x} * y + z); }, a, b, c);
}

template <class T>
void check_signs() {
  check_against<T>(
      "neg." + type_name<T>() + " %y, %x0;", [](T x) { return static_cast<T>(-Wide{x}); }, integers<T>());
  check_against<T>(
      "abs." + type_name<T>() + " %y, %x0;", [](T x) { return static_cast<T>(x < 0 ? -Wide{x} : Wide{x}); },
      integers<T>());
}

template <class T>
void check_shifts() {
  constexpr uint32_t kBits = 8 * sizeof(T);
  std::vector<uint32_t> distances;
  for (uint32_t by = 0; by <= kBits + 2; ++by) distances.push_back(by);
  distances.push_back(~0u);
  const auto [a, by] = pairs(integers<T>(), distances);
  check_against<T>(
      "shl.b" + std::to_string(kBits) + " %y, %x0, %x1;",
      [](T x, uint32_t n) { return n >= kBits ? T{0} : static_cast<T>(Wide{x} << n); }, a, by);
  check_against<T>(
      "shr." + type_name<T>() + " %y, %x0, %x1;",
      [](T x, uint32_t n) { return static_cast<T>(Wide{x} >> std::min(n, kBits + 20)); }, a, by);
}

template <class T>
void check_logic() {
  const std::string t = ".b" + std::to_string(8 * sizeof(T));
  const auto [a, b] = pairs(integers<T>(), integers<T>());
  check_against<T>(
      "and" + t + " %y, %x0, %x1;", [](T x, T y) { return static_cast<T>(x & y); }, a, b);
  check_against<T>(
      "or" + t + " %y, %x0, %x1;", [](T x, T y) { return static_cast<T>(x | y); }, a, b);
  check_against<T>(
      "xor" + t + " %y, %x0, %x1;", [](T x, T y) { return static_cast<T>(x ^ y); }, a, b);
  check_against<T>(
      "not" + t + " %y, %x0;", [](T x) { return static_cast<T>(~x); }, a);
}

template <class T>
void check_counts() {
  const std::string bits = std::to_string(8 * sizeof(T));
  using U = uint32_t;
  const auto a = integers<T>();
  const auto count = [](T x) {
    U ones = 0;
    for (size_t i = 0; i < 8 * sizeof(T); ++i) ones += static_cast<U>(x >> i & 1);
    return ones;
  };
  const auto zeros = [](T x) {
    U leading = 0;
    for (int i = 8 * sizeof(T) - 1; i >= 0 && !(x >> i & 1); --i) ++leading;
    return leading;
  };
  const auto reversed = [](T x) {
    T y = 0;
    for (size_t i = 0; i < 8 * sizeof(T); ++i) {
      if (x >> i & 1) y |= T{1} << (8 * sizeof(T) - 1 - i);
    }
    return y;
  };
  check_against<U>("popc.b" + bits + " %y, %x0;", count, a);
  check_against<U>("clz.b" + bits + " %y, %x0;", zeros, a);
  check_against<T>("brev.b" + bits + " %y, %x0;", reversed, a);
  check_against<U>(
      "bfind.u" + bits + " %y, %x0;", [&](T x) { return x ? U(8 * sizeof(T) - 1) - zeros(x) : ~U{0}; }, a);
  check_against<U>(
      "bfind.shiftamt.u" + bits + " %y, %x0;", [&](T x) { return x ? zeros(x) : ~U{0}; }, a);
  check_against<U>(
      "bfind.s" + bits + " %y, %x0;",
      [&](T x) {
        const T positive = x >> (8 * sizeof(T) - 1) ? static_cast<T>(~x) : x;
        return positive ? U(8 * sizeof(T) - 1) - zeros(positive) : ~U{0};
      },
      a);
}

template <class T>
void check_comparisons() {
  const auto [a, b] = pairs(integers<T>(), integers<T>());
  const auto compare = [&](const std::string& name, auto reference) {
    check_against<uint32_t>(
        "setp." + name + "." + type_name<T>() + " %p1, %x0, %x1; selp.b32 %y, 7, 9, %p1;",
        [&](T x, T y) { return reference(x, y) ? 7u : 9u; }, a, b);
    check_against<uint32_t>(
        "set." + name + ".u32." + type_name<T>() + " %y, %x0, %x1;",
        [&](T x, T y) { return reference(x, y) ? ~0u : 0u; }, a, b);
  };
  compare("eq", [](T x, T y) { return x == y; });
  compare("ne", [](T x, T y) { return x != y; });
  compare("lt", [](T x, T y) { return x < y; });
  compare("le", [](T x, T y) { return x <= y; });
  compare("gt", [](T x, T y) { return x > y; });
  compare("ge", [](T x, T y) { return x >= y; });
}

}  // namespace

TEST(arithmetic) {
  check_arithmetic<int16_t>();
  check_arithmetic<uint16_t>();
  check_arithmetic<int32_t>();
  check_arithmetic<uint32_t>();
  check_arithmetic<int64_t>();
  check_arithmetic<uint64_t>();
  check_wide<int16_t, int32_t>();
  check_wide<uint16_t, uint32_t>();
  check_wide<int32_t, int64_t>();
  check_wide<uint32_t, uint64_t>();
  check_signs<int16_t>();
  check_signs<int32_t>();
  check_signs<int64_t>();
}

TEST(saturated_sums) {
  const auto [a, b] = pairs(integers<int32_t>(), integers<int32_t>());
  const auto clamped = [](int64_t x) {
    return static_cast<int32_t>(std::clamp<int64_t>(x, INT32_MIN, INT32_MAX));
  };
  check_against<int32_t>(
      "add.sat.s32 %y, %x0, %x1;", [&](int32_t x, int32_t y) { return clamped(int64_t{x} + y); }, a, b);
  check_against<int32_t>(
      "sub.sat.s32 %y, %x0, %x1;", [&](int32_t x, int32_t y) { return clamped(int64_t{x} - y); }, a, b);
}

TEST(shifts) {
  check_shifts<int16_t>();
  check_shifts<uint16_t>();
  check_shifts<int32_t>();
  check_shifts<uint32_t>();
  check_shifts<int64_t>();
  check_shifts<uint64_t>();
}

TEST(funnel_shifts) {
  const auto [a, b] = pairs(integers<uint32_t>(), integers<uint32_t>());
  std::vector<uint32_t> distances;
  for (uint32_t by = 0; by < 40; ++by) distances.push_back(by);
  const auto by = some_of(distances, a.size());
  const auto left = [](uint64_t low, uint64_t high, uint32_t n) {
    return n == 32 ? uint32_t(low) : static_cast<uint32_t>(((high << 32 | low) << n) >> 32);
  };
  const auto right = [](uint64_t low, uint64_t high, uint32_t n) {
    return static_cast<uint32_t>((high << 32 | low) >> n);
  };
  using U = uint32_t;
  check_against<U>(
      "shf.l.wrap.b32 %y, %x0, %x1, %x2;", [&](U x, U y, U n) { return left(x, y, n % 32); }, a, b, by);
  check_against<U>(
      "shf.r.wrap.b32 %y, %x0, %x1, %x2;", [&](U x, U y, U n) { return right(x, y, n % 32); }, a, b, by);
  check_against<U>(
      "shf.l.clamp.b32 %y, %x0, %x1, %x2;", [&](U x, U y, U n) { return left(x, y, std::min(n, 32u)); }, a, b,
      by);
  check_against<U>(
      "shf.r.clamp.b32 %y, %x0, %x1, %x2;", [&](U x, U y, U n) { return right(x, y, std::min(n, 32u)); }, a,
      b, by);
}

TEST(logic) {
  check_logic<uint16_t>();
  check_logic<uint32_t>();
  check_logic<uint64_t>();
  const auto [a, b] = pairs(integers<uint32_t>(), integers<uint32_t>());
  const auto c = some_of(integers<uint32_t>(), a.size());
  for (uint32_t table = 0; table < 256; table += 3) {
    check_against<uint32_t>(
        "lop3.b32 %y, %x0, %x1, %x2, " + std::to_string(table) + ";",
        [&](uint32_t x, uint32_t y, uint32_t z) {
          uint32_t result = 0;
          for (int bit = 0; bit < 32; ++bit) {
            const uint32_t index = (x >> bit & 1) << 2 | (y >> bit & 1) << 1 | (z >> bit & 1);
            result |= (table >> index & 1) << bit;
          }
          return result;
        },
        a, b, c);
  }
}

TEST(predicates) {
  const auto [a, b] = pairs(integers<uint32_t>(), integers<uint32_t>());
  using U = uint32_t;
  const std::string set = "setp.lt.u32 %p0, %x0, 100; setp.gt.u32 %p1, %x1, 40;";
  const std::string give = " selp.u32 %y, 1, 0, %p2;";
  const auto one = [](U x) { return x < 100; };
  const auto two = [](U y) { return y > 40; };
  check_against<U>(
      set + "and.pred %p2, %p0, %p1;" + give, [&](U x, U y) { return U{one(x) && two(y)}; }, a, b);
  check_against<U>(
      set + "or.pred %p2, %p0, !%p1;" + give, [&](U x, U y) { return U{one(x) || !two(y)}; }, a, b);
  check_against<U>(
      set + "xor.pred %p2, %p0, %p1;" + give, [&](U x, U y) { return U{one(x) != two(y)}; }, a, b);
  check_against<U>(
      set + "not.pred %p2, %p0;" + give, [&](U x, U) { return U{!one(x)}; }, a, b);
  check_against<U>(
      "setp.lt.u32 %p1, %x1, 9; setp.lt.and.u32 %p2|%p3, %x0, 100, !%p1; selp.u32 %y, 2, 0, %p3; @%p2 "
      "add.u32 %y, %y, 1;",
      [](U x, U y) { return U{x < 100 && y >= 9} + 2 * U{x >= 100 && y >= 9}; }, a, b);
  check_against<U>(
      "mov.u32 %y, 5; setp.lt.u32 %p1, %x0, 9; @!%p1 mov.u32 %y, 6;", [](U x, U) { return x < 9 ? 5u : 6u; },
      a, b);
}

TEST(bytes) {
  using U = uint32_t;
  const auto [a, b] = pairs(integers<U>(), integers<U>());
  const auto c = some_of(integers<U>(), a.size());
  const auto byte = [](U x, U y, U selector) {
    const U from = selector & 4 ? y : x;
    const U found = from >> (8 * (selector & 3)) & 0xff;
    return selector & 8 ? (found >> 7 ? 0xffu : 0u) : found;
  };
  check_against<U>(
      "prmt.b32 %y, %x0, %x1, %x2;",
      [&](U x, U y, U z) {
        U result = 0;
        for (U i = 0; i < 4; ++i) result |= byte(x, y, z >> (4 * i) & 15) << (8 * i);
        return result;
      },
      a, b, c);
  const auto dot = [](auto x, auto y) { return x * y; };
  check_against<U>(
      "dp4a.s32.s32 %y, %x0, %x1, %x2;",
      [&](U x, U y, U z) {
        for (int i = 0; i < 4; ++i)
          z += static_cast<U>(dot(static_cast<int8_t>(x >> (8 * i)), static_cast<int8_t>(y >> (8 * i))));
        return z;
      },
      a, b, c);
  check_against<U>(
      "dp4a.u32.s32 %y, %x0, %x1, %x2;",
      [&](U x, U y, U z) {
        for (int i = 0; i < 4; ++i)
          z += static_cast<U>(dot(static_cast<uint8_t>(x >> (8 * i)), static_cast<int8_t>(y >> (8 * i))));
        return z;
      },
      a, b, c);
}

TEST(fields) {
  const auto values = integers<uint32_t>();
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i <= 34; ++i) numbers.push_back(i);
  numbers.push_back(255);
  const auto [begin, length] = pairs(numbers, numbers);
  const auto a = some_of(values, begin.size()), b = some_of(values, begin.size());
  using U = uint32_t;
  const auto field = [](U x, U at, U count, bool is_signed) {
    U result = 0;  // bit by bit, as the manual has it
    const U sign = is_signed && count ? x >> std::min(at + count - 1, 31u) & 1 : 0;
    for (U i = 0; i < 32; ++i) result |= (i < count && at + i <= 31 ? x >> (at + i) & 1 : sign) << i;
    return result;
  };
  check_against<U>(
      "bfe.u32 %y, %x0, %x1, %x2;", [&](U x, U at, U count) { return field(x, at, count, false); }, a, begin,
      length);
  check_against<U>(
      "bfe.s32 %y, %x0, %x1, %x2;", [&](U x, U at, U count) { return field(x, at, count, true); }, a, begin,
      length);
  check_against<U>(
      "bfi.b32 %y, %x0, %x1, %x2, %x3;",
      [](U x, U y, U at, U count) {
        for (U i = 0; i < count && at + i <= 31; ++i) y = (y & ~(1u << (at + i))) | (x >> i & 1) << (at + i);
        return y;
      },
      a, b, begin, length);
}

TEST(counts) {
  check_counts<uint32_t>();
  check_counts<uint64_t>();
}

TEST(comparisons) {
  check_comparisons<int16_t>();
  check_comparisons<uint16_t>();
  check_comparisons<int32_t>();
  check_comparisons<uint32_t>();
  check_comparisons<int64_t>();
  check_comparisons<uint64_t>();
}

TEST(packing) {
  const auto a = integers<uint32_t>();
  check_against<uint32_t>(
      ".reg .b16 low, high; mov.b32 {low, high}, %x0; mov.b32 %y, {high, low};",
      [](uint32_t x) { return x >> 16 | x << 16; }, a);
  check_against<uint32_t>(
      ".reg .b16 high; mov.b32 {_, high}, %x0; mov.b32 %y, {0, high};",
      [](uint32_t x) { return x & 0xffff0000; }, a);
  check_against<uint64_t>(
      ".reg .b32 low, high; mov.b64 {low, high}, %x0; mov.b64 %y, {high, low};",
      [](uint64_t x) { return x >> 32 | x << 32; }, integers<uint64_t>());
}
