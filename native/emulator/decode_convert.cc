// cvt: between all types of numbers.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "emulator/decode_arithmetic.h"

namespace quern::emulator {

namespace {

// ---- common conversions, vectorised
template <class D, class A>
constexpr auto converted = [](A a) { return static_cast<D>(a); };

// ---- any conversion: what a register holds becomes a value, and a value becomes what a register holds
struct Value {
  bool is_float = false;
  double real = 0;      // exactly what a float, a half or a double is
  int64_t integer = 0;  // of unsigned numbers: their bits
};

int bits_of_rounding(std::string_view rounding) {
  return rounding == "rni"   ? 1
         : rounding == "rzi" ? 2
         : rounding == "rmi" ? 3
         : rounding == "rpi" ? 4
         : rounding == "rz"  ? 5
         : rounding == "rm"  ? 6
         : rounding == "rp"  ? 7
                             : 0;
}

// What a cvt is: kept in Program::lists.
struct Conversion {
  Type to, from;
  uint32_t to_register = 0, from_register = 0;
  int rounding = 0;
  bool saturates = false, flushes = false;

  uint32_t packed(int half) const {
    if (half) {
      return static_cast<uint32_t>(rounding) | to_register << 8 | from_register << 16;
    }
    const auto type = [](const Type& t) { return static_cast<uint32_t>(t.kind) | t.bits << 4; };
    return type(to) | type(from) << 12 | uint32_t{saturates} << 24 | uint32_t{flushes} << 25;
  }
  static Conversion of(const uint32_t* words) {
    const auto type = [](uint32_t bits) {
      return Type{static_cast<Type::Kind>(bits & 0xf), bits >> 4 & 0xff, false};
    };
    return {type(words[0]),
            type(words[0] >> 12),
            words[1] >> 8 & 0xff,
            words[1] >> 16 & 0xff,
            static_cast<int>(words[1] & 0xff),
            (words[0] >> 24 & 1) != 0,
            (words[0] >> 25 & 1) != 0};
  }
};

Value value_of(uint64_t bits, const Type& type, bool flushes) {
  Value value;
  value.is_float = type.is_float();
  if (type.kind == Type::Kind::brain) {
    value.real = of_brain(static_cast<uint16_t>(bits));
  } else if (type.is_float()) {
    if (type.bits == 16) value.real = of_half(static_cast<uint16_t>(bits));
    if (type.bits == 32) {
      const auto x = std::bit_cast<float>(static_cast<uint32_t>(bits));
      value.real = flushes ? flushed(x) : x;
    }
    if (type.bits == 64) value.real = std::bit_cast<double>(bits);
  } else {
    const uint32_t unused = 64 - type.bits;
    value.integer = type.kind == Type::Kind::is_signed ? static_cast<int64_t>(bits << unused) >> unused
                                                       : static_cast<int64_t>(bits << unused >> unused);
  }
  return value;
}

double integral(double x, int rounding) {
  switch (rounding) {
    case 1:
      return std::nearbyint(x);
    case 2:
      return std::trunc(x);
    case 3:
      return std::floor(x);
    case 4:
      return std::ceil(x);
    default:
      return x;
  }
}

// A double rounded to fewer bits in a direction; `narrow` rounds to nearest and `wide` is its inverse.
template <class Narrow, class Wide>
uint64_t rounded_to(double x, int rounding, uint64_t step_limit, Narrow narrow, Wide wide) {
  uint64_t bits = narrow(x);
  const double got = wide(bits);
  if (rounding < 5 || x != x || got == x) return bits;
  const bool is_beyond = std::abs(got) > std::abs(x);
  const bool is_negative = std::signbit(x);
  const bool wants_away = rounding == 6 ? is_negative : rounding == 7 ? !is_negative : false;
  if (is_beyond && !wants_away) return bits - 1;
  if (!is_beyond && wants_away && (bits & step_limit) != step_limit) return bits + 1;
  return bits;
}

uint64_t float_bits(double x, const Type& type, int rounding, bool flushes) {
  if (type.bits == 64) return std::bit_cast<uint64_t>(canonical(x));
  if (type.bits == 32) {
    const uint64_t bits = rounded_to(
        x, rounding, 0x7f800000,
        [](double v) { return uint64_t{std::bit_cast<uint32_t>(canonical(static_cast<float>(v)))}; },
        [](uint64_t v) { return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(v))); });
    return flushes ? std::bit_cast<uint32_t>(flushed(std::bit_cast<float>(static_cast<uint32_t>(bits))))
                   : bits;
  }
  if (type.kind == Type::Kind::brain) {
    return rounded_to(
        x, rounding, 0x7f80, [](double v) { return uint64_t{to_brain(to_odd_float(v))}; },
        [](uint64_t v) { return static_cast<double>(of_brain(static_cast<uint16_t>(v))); });
  }
  return rounded_to(
      x, rounding, 0x7c00, [](double v) { return uint64_t{to_half(to_odd_float(v))}; },
      [](uint64_t v) { return static_cast<double>(of_half(static_cast<uint16_t>(v))); });
}

// Beyond the range: its end. Of a NaN: 0, or the least of what has 64 bits.
uint64_t integer_of_real(double x, const Type& type) {
  const bool is_signed = type.kind == Type::Kind::is_signed;
  if (x != x) return type.bits == 64 ? uint64_t{1} << 63 : 0;
  const double low = is_signed ? -std::ldexp(1.0, static_cast<int>(type.bits) - 1) : 0;
  const double beyond = std::ldexp(1.0, static_cast<int>(type.bits) - (is_signed ? 1 : 0));
  const uint64_t most = is_signed ? (uint64_t{1} << (type.bits - 1)) - 1 : ~uint64_t{0} >> (64 - type.bits);
  if (x >= beyond) return most;
  if (x <= low) return static_cast<uint64_t>(is_signed ? static_cast<int64_t>(low) : 0);
  return x < 0 ? static_cast<uint64_t>(static_cast<int64_t>(x)) : static_cast<uint64_t>(x);
}

uint64_t saturated_integer(const Value& value, const Conversion& c) {
  const bool to_signed = c.to.kind == Type::Kind::is_signed;
  const bool is_huge = c.from.kind != Type::Kind::is_signed && value.integer < 0;  // beyond int64
  const uint64_t most = to_signed ? (uint64_t{1} << (c.to.bits - 1)) - 1 : ~uint64_t{0} >> (64 - c.to.bits);
  if (is_huge) return std::min(static_cast<uint64_t>(value.integer), most);
  if (value.integer > 0) return std::min(static_cast<uint64_t>(value.integer), most);
  if (!to_signed) return 0;
  return static_cast<uint64_t>(std::max(value.integer, -static_cast<int64_t>(most) - 1));
}

uint64_t result_of(const Value& value, const Conversion& c) {
  if (c.to.is_float()) {
    if (!value.is_float) {
      // 64 bits are more than a double has: what is rounded to float must be rounded once.
      const bool is_unsigned = c.from.kind != Type::Kind::is_signed;
      const auto u = static_cast<uint64_t>(value.integer);
      if (c.to.bits == 32 && c.rounding == 0) {
        return std::bit_cast<uint32_t>(is_unsigned ? static_cast<float>(u)
                                                   : static_cast<float>(value.integer));
      }
      const uint64_t size = is_unsigned || value.integer >= 0 ? u : 0 - u;
      const uint64_t odd =
          size >> 53 ? (size & ~uint64_t{0x7ff}) | uint64_t{(size & 0x7ff) != 0} << 11 : size;
      const double exact = c.to.bits == 64 ? static_cast<double>(size) : static_cast<double>(odd);
      return float_bits(is_unsigned || value.integer >= 0 ? exact : -exact, c.to, c.rounding, false);
    }
    double x = integral(value.real, c.rounding);
    if (c.saturates) x = x > 1 ? 1.0 : x > 0 ? x : 0.0;
    return float_bits(x, c.to, c.rounding, c.flushes);
  }
  if (value.is_float) return integer_of_real(integral(value.real, c.rounding ? c.rounding : 2), c.to);
  return c.saturates ? saturated_integer(value, c) : static_cast<uint64_t>(value.integer);
}

void convert(Warp& warp, const Instruction& i, uint32_t lanes) {
  const Conversion c = Conversion::of(warp.program->lists.data() + i.list);
  const bool to_is_signed = c.to.kind == Type::Kind::is_signed;
  const uint32_t unused = 64 - c.to.bits;
  each_lane(lanes, [&](int l) {
    const uint64_t bits = c.from_register == 16   ? warp.at<uint16_t>(i.a)[l]
                          : c.from_register == 32 ? warp.at<uint32_t>(i.a)[l]
                                                  : warp.at<uint64_t>(i.a)[l];
    uint64_t result = result_of(value_of(bits, c.from, c.flushes), c);
    // A register that is wider than the type holds its sign on.
    result = to_is_signed ? static_cast<uint64_t>(static_cast<int64_t>(result << unused) >> unused)
                          : result << unused >> unused;
    if (c.to_register == 16) warp.at<uint16_t>(i.d)[l] = static_cast<uint16_t>(result);
    if (c.to_register == 32) warp.at<uint32_t>(i.d)[l] = static_cast<uint32_t>(result);
    if (c.to_register == 64) warp.at<uint64_t>(i.d)[l] = result;
  });
}

constexpr auto brain_pair = [](float high, float low) {
  return static_cast<uint32_t>(to_brain(high)) << 16 | to_brain(low);
};
constexpr auto half_pair = [](float high, float low) {
  return static_cast<uint32_t>(to_half(high)) << 16 | to_half(low);
};
constexpr auto relu = [](float x) { return x < 0 ? 0.0f : x; };
constexpr auto brain_pair_relu = [](float high, float low) { return brain_pair(relu(high), relu(low)); };
constexpr auto half_pair_relu = [](float high, float low) { return half_pair(relu(high), relu(low)); };

// The conversions that kernels are full of; null: another.
Handler common(const Conversion& c) {
  using Kind = Type::Kind;
  if (c.saturates || c.flushes || c.to_register != std::max(c.to.bits, 16u) || c.from_register != c.from.bits)
    return nullptr;
  const bool to_integer = !c.to.is_float(), from_integer = !c.from.is_float();
  if (to_integer && from_integer) {
    if (c.to.bits == 64 && c.from.bits == 32) {
      return c.from.kind == Kind::is_signed ? unary<converted<uint64_t, int32_t>, uint64_t, int32_t>
                                            : unary<converted<uint64_t, uint32_t>, uint64_t, uint32_t>;
    }
    if (c.to.bits == 32 && c.from.bits == 64) return unary<converted<uint32_t, uint64_t>, uint32_t, uint64_t>;
    if (c.to.bits == 32 && c.from.bits == 16) {
      return c.from.kind == Kind::is_signed ? unary<converted<uint32_t, int16_t>, uint32_t, int16_t>
                                            : unary<converted<uint32_t, uint16_t>, uint32_t, uint16_t>;
    }
    if (c.to.bits == 16 && c.from.bits == 32) return unary<converted<uint16_t, uint32_t>, uint16_t, uint32_t>;
    return nullptr;
  }
  if (c.rounding != 0) return nullptr;
  if (c.to.kind == Kind::floating && c.to.bits == 32) {
    if (from_integer && c.from.bits == 32) {
      return c.from.kind == Kind::is_signed ? unary<converted<float, int32_t>, float, int32_t>
                                            : unary<converted<float, uint32_t>, float, uint32_t>;
    }
    if (c.from.kind == Kind::brain) return unary<of_brain, float, uint16_t>;
    if (c.from.kind == Kind::floating && c.from.bits == 16)
      return unary<[](uint16_t x) { return canonical(of_half(x)); }, float, uint16_t>;
  }
  if (c.from.kind == Kind::floating && c.from.bits == 32 && c.to.is_float() && c.to.bits == 16) {
    return c.to.kind == Kind::brain ? unary<to_brain, uint16_t, float> : unary<to_half, uint16_t, float>;
  }
  return nullptr;
}

void decode_pair(Form& form, const Type& to, const Type& from, std::string_view rounding, bool is_relu) {
  if (rounding != "rn" || from.is_pair || from.bits != 32 || !from.is_float()) form.unsupported();
  form.out.d = form.write(0, 32);
  form.out.a = form.read(1, 32);
  form.out.b = form.read(2, 32);
  form.out.run =
      to.kind == Type::Kind::brain
          ? (is_relu ? binary<brain_pair_relu, uint32_t, float> : binary<brain_pair, uint32_t, float>)
          : (is_relu ? binary<half_pair_relu, uint32_t, float> : binary<half_pair, uint32_t, float>);
}

void decode_cvt(Form& form) {
  const std::string_view rounding = form.take_one({"rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi"});
  Conversion c;
  c.flushes = form.take("ftz");
  c.saturates = form.take("sat");
  const bool is_relu = form.take("relu");
  c.to = form.type();
  c.from = form.type();
  if (c.to.is_pair) return decode_pair(form, c.to, c.from, rounding, is_relu);
  if (is_relu || c.from.is_pair || c.to.bits == 1 || c.from.bits == 1) form.unsupported();
  c.rounding = bits_of_rounding(rounding);
  c.to_register = form.width(form.operand(0), std::max(c.to.bits, 16u));
  c.from_register = form.width(form.operand(1), std::max(c.from.bits, 16u));
  const auto fits = [](const Type& type, uint32_t register_bits) {
    return type.is_float() ? register_bits == type.bits : register_bits >= type.bits;
  };
  if (!fits(c.to, c.to_register) || !fits(c.from, c.from_register))
    form.unsupported("a register of another width");
  form.out.d = form.write(0, c.to_register);
  form.out.a = form.read(1, c.from_register);
  form.out.run = common(c);
  if (form.out.run) return;
  auto& lists = form.decoder.program.lists;
  form.out.list = static_cast<uint32_t>(lists.size());
  lists.push_back(c.packed(0));
  lists.push_back(c.packed(1));
  form.out.run = convert;
}

}  // namespace

void add_convert_forms(DecodeTable& table) {
  table["cvt"] = decode_cvt;
}

}  // namespace quern::emulator
