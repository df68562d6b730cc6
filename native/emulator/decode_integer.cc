// Arithmetic on integers.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "emulator/decode_arithmetic.h"
#include "emulator/warp.h"

namespace quern::emulator {

namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;
template <class T>
struct Widened;
template <>
struct Widened<int16_t> {
  using type = int32_t;
};
template <>
struct Widened<uint16_t> {
  using type = uint32_t;
};
template <>
struct Widened<int32_t> {
  using type = int64_t;
};
template <>
struct Widened<uint32_t> {
  using type = uint64_t;
};
template <>
struct Widened<int64_t> {
  __extension__ using type = __int128;
};
template <>
struct Widened<uint64_t> {
  __extension__ using type = unsigned __int128;
};
template <class T>
using Wide = typename Widened<T>::type;

constexpr auto plus = []<class T>(T a, T b) { return static_cast<T>(Unsigned<T>(a) + Unsigned<T>(b)); };
constexpr auto minus = []<class T>(T a, T b) { return static_cast<T>(Unsigned<T>(a) - Unsigned<T>(b)); };
constexpr auto low = []<class T>(T a, T b) { return static_cast<T>(uint64_t(a) * uint64_t(b)); };
constexpr auto high = []<class T>(T a, T b) {
  return static_cast<T>((Wide<T>(a) * Wide<T>(b)) >> (8 * sizeof(T)));
};
constexpr auto least = []<class T>(T a, T b) { return b < a ? b : a; };
constexpr auto most = []<class T>(T a, T b) { return a < b ? b : a; };
// Division by zero gives all ones, as on the device; the one quotient that overflows wraps.
constexpr auto quotient = []<class T>(T a, T b) {
  if (b == 0) return static_cast<T>(-1);
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(0 - Unsigned<T>(a));
  return static_cast<T>(a / b);
};
constexpr auto remainder = []<class T>(T a, T b) {
  if (b == 0) return a;
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return T{0};
  return static_cast<T>(a % b);
};
constexpr auto saturated_sum = [](int32_t a, int32_t b) {
  return static_cast<int32_t>(std::clamp<int64_t>(int64_t{a} + b, INT32_MIN, INT32_MAX));
};
constexpr auto saturated_difference = [](int32_t a, int32_t b) {
  return static_cast<int32_t>(std::clamp<int64_t>(int64_t{a} - b, INT32_MIN, INT32_MAX));
};
constexpr auto negative = []<class T>(T a) { return static_cast<T>(0 - Unsigned<T>(a)); };
constexpr auto magnitude = []<class T>(T a) { return a < 0 ? static_cast<T>(0 - Unsigned<T>(a)) : a; };

// Calls f.operator()<T>() with the C++ type of an integer type.
template <class F>
Handler by_type(Form& form, const Type& type, F&& f) {
  const bool is_signed = type.kind == Type::Kind::is_signed;
  if (!type.is_float() && !type.is_pair) {
    if (type.bits == 16)
      return is_signed ? f.template operator()<int16_t>() : f.template operator()<uint16_t>();
    if (type.bits == 32)
      return is_signed ? f.template operator()<int32_t>() : f.template operator()<uint32_t>();
    if (type.bits == 64)
      return is_signed ? f.template operator()<int64_t>() : f.template operator()<uint64_t>();
  }
  form.unsupported();
}

template <auto operation>
Handler two(Form& form, const Type& type) {
  return by_type(form, type, []<class T>() -> Handler { return binary<operation, T, T>; });
}

}  // namespace

void decode_integer_sum(Form& form, const Type& type, bool saturates) {
  const bool is_difference = form.name() == "sub";
  if (saturates) {
    if (type.bits != 32 || type.kind != Type::Kind::is_signed) form.unsupported();
    form.out.run = is_difference ? binary<saturated_difference, int32_t, int32_t>
                                 : binary<saturated_sum, int32_t, int32_t>;
  } else {
    form.out.run = is_difference ? two<minus>(form, type) : two<plus>(form, type);
  }
  form.fill(type, 2);
}

void decode_integer_extreme(Form& form, const Type& type) {
  form.out.run = form.name() == "min" ? two<least>(form, type) : two<most>(form, type);
  form.fill(type, 2);
}

void decode_integer_quotient(Form& form, const Type& type) {
  form.out.run = form.name() == "div" ? two<quotient>(form, type) : two<remainder>(form, type);
  form.fill(type, 2);
}

void decode_integer_sign(Form& form, const Type& type) {
  if (type.kind != Type::Kind::is_signed) form.unsupported();
  const bool negates = form.name() == "neg";
  form.out.run = by_type(form, type, [&]<class T>() -> Handler {
    return negates ? unary<negative, T, T> : unary<magnitude, T, T>;
  });
  form.fill(type, 1);
}

void decode_integer_product(Form& form, const Type& type) {
  const std::string_view part = form.take_one({"lo", "hi", "wide"});
  if (part != "wide") {
    if (part.empty()) form.unsupported();
    form.out.run = part == "lo" ? two<low>(form, type) : two<high>(form, type);
    form.fill(type, 2);
    return;
  }
  if (type.bits > 32) form.unsupported();
  form.out.d = form.write(0, type.bits * 2);
  form.out.a = form.read(1, type.bits);
  form.out.b = form.read(2, type.bits);
  form.out.run = by_type(form, type, []<class T>() -> Handler {
    if constexpr (sizeof(T) <= 4) {
      return binary<[](T a, T b) { return static_cast<Wide<T>>(Wide<T>(a) * Wide<T>(b)); }, Wide<T>, T>;
    } else {
      return nullptr;
    }
  });
}

namespace {

void decode_mad(Form& form) {
  const std::string_view part = form.take_one({"lo", "hi", "wide"});
  const Type type = form.type();
  if (part.empty()) form.unsupported();
  if (part == "wide") {
    if (type.bits > 32) form.unsupported();
    form.out.d = form.write(0, type.bits * 2);
    form.out.a = form.read(1, type.bits);
    form.out.b = form.read(2, type.bits);
    form.out.c = form.read(3, type.bits * 2);
    form.out.run = by_type(form, type, []<class T>() -> Handler {
      if constexpr (sizeof(T) <= 4) {
        return ternary<[](T a, T b, Wide<T> c) {
          return plus(static_cast<Wide<T>>(Wide<T>(a) * Wide<T>(b)), c);
        },
                       Wide<T>, T, T, Wide<T>>;
      } else {
        return nullptr;
      }
    });
    return;
  }
  form.fill(type, 3);
  form.out.run = by_type(form, type, [&]<class T>() -> Handler {
    return part == "lo" ? ternary<[](T a, T b, T c) { return plus(low(a, b), c); }, T, T>
                        : ternary<[](T a, T b, T c) { return plus(high(a, b), c); }, T, T>;
  });
}

void decode_rem(Form& form) {
  decode_integer_quotient(form, form.type());
}

// Absolute difference, added to c.
void decode_sad(Form& form) {
  const Type type = form.type();
  form.fill(type, 3);
  form.out.run = by_type(form, type, []<class T>() -> Handler {
    return ternary<[](T a, T b, T c) { return plus(a < b ? minus(b, a) : minus(a, b), c); }, T, T>;
  });
}

template <class A, class B>
void dot(Warp& warp, const Instruction& i, uint32_t lanes) {
  auto* d = warp.at<uint32_t>(i.d);
  const auto *a = warp.at<uint32_t>(i.a), *b = warp.at<uint32_t>(i.b), *c = warp.at<uint32_t>(i.c);
  each_lane(lanes, [=](int l) {
    uint32_t sum = c[l];
    for (int byte = 0; byte < 4; ++byte) {
      sum += static_cast<uint32_t>(static_cast<A>(a[l] >> (8 * byte)) * static_cast<B>(b[l] >> (8 * byte)));
    }
    d[l] = sum;
  });
}

void decode_dp4a(Form& form) {
  const Type a = form.type(), b = form.type();
  if (a.bits != 32 || b.bits != 32) form.unsupported();
  form.fill(a, 3);
  const bool a_is_signed = a.kind == Type::Kind::is_signed, b_is_signed = b.kind == Type::Kind::is_signed;
  form.out.run = a_is_signed ? (b_is_signed ? dot<int8_t, int8_t> : dot<int8_t, uint8_t>)
                             : (b_is_signed ? dot<uint8_t, int8_t> : dot<uint8_t, uint8_t>);
}

}  // namespace

void add_integer_forms(DecodeTable& table) {
  table["mad"] = decode_mad;
  table["rem"] = decode_rem;
  table["sad"] = decode_sad;
  table["dp4a"] = decode_dp4a;
}

}  // namespace quern::emulator
