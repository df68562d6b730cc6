// Logic, shifts and fields of bits.
#include <algorithm>
#include <array>
#include <bit>

#include "emulator/decoder.h"
#include "emulator/warp.h"

namespace quern::emulator {

namespace {

template <auto operation>
Handler two_by_bits(Form& form, uint32_t bits) {
  if (bits == 16) return binary<operation, uint16_t, uint16_t>;
  if (bits == 32) return binary<operation, uint32_t, uint32_t>;
  if (bits == 64) return binary<operation, uint64_t, uint64_t>;
  form.unsupported();
}

template <auto operation>
void of_predicates(Warp& warp, const Instruction& i, uint32_t lanes) {
  uint32_t& d = warp.predicate(i.d);
  const uint32_t a = warp.predicate(i.a) ^ (i.kind & 1 ? ~0u : 0),
                 b = warp.predicate(i.b) ^ (i.kind & 2 ? ~0u : 0);
  d = (d & ~lanes) | (operation(a, b) & lanes);
}

constexpr auto both = []<class T>(T a, T b) { return static_cast<T>(a & b); };
constexpr auto either = []<class T>(T a, T b) { return static_cast<T>(a | b); };
constexpr auto one = []<class T>(T a, T b) { return static_cast<T>(a ^ b); };

template <auto operation>
void decode_logic(Form& form) {
  const Type type = form.type();
  if (type.bits != 1) {
    form.fill(type, 2);
    form.out.run = two_by_bits<operation>(form, type.bits);
    return;
  }
  form.out.d = form.write(0, 1);
  form.out.a = form.read(1, 1);
  form.out.b = form.read(2, 1);
  form.out.kind = static_cast<uint8_t>(form.operand(1).is_negated | form.operand(2).is_negated << 1);
  form.out.run = of_predicates<operation>;
}

void not_predicate(Warp& warp, const Instruction& i, uint32_t lanes) {
  uint32_t& d = warp.predicate(i.d);
  d = (d & ~lanes) | (~warp.predicate(i.a) & lanes);
}

constexpr auto inverse = []<class T>(T a) { return static_cast<T>(~a); };

void decode_not(Form& form) {
  const Type type = form.type();
  form.fill(type, 1);
  form.out.run = type.bits == 1    ? not_predicate
                 : type.bits == 16 ? unary<inverse, uint16_t, uint16_t>
                 : type.bits == 32 ? unary<inverse, uint32_t, uint32_t>
                                   : unary<inverse, uint64_t, uint64_t>;
}

void decode_cnot(Form& form) {
  const Type type = form.type();
  form.fill(type, 1);
  if (type.bits != 32) form.unsupported();
  form.out.run = unary<[](uint32_t a) { return uint32_t{a == 0}; }, uint32_t, uint32_t>;
}

// ---- shifts: a distance beyond the width shifts everything out
constexpr auto left = []<class T>(T a, uint32_t by) {
  constexpr uint32_t kBits = 8 * sizeof(T);
  return static_cast<T>(by >= kBits ? T{0} : static_cast<T>(a << (by % kBits)));
};
constexpr auto right = []<class T>(T a, uint32_t by) {
  constexpr uint32_t kBits = 8 * sizeof(T);
  if constexpr (std::is_signed_v<T>) return static_cast<T>(a >> std::min(by, kBits - 1));
  return static_cast<T>(by >= kBits ? T{0} : static_cast<T>(a >> (by % kBits)));
};

void decode_shift(Form& form) {
  const Type type = form.type();
  form.out.d = form.write(0, type.bits);
  form.out.a = form.read(1, type.bits);
  form.out.b = form.read(2, 32);
  if (form.name() == "shl") {
    form.out.run = type.bits == 16   ? binary<left, uint16_t, uint16_t, uint32_t>
                   : type.bits == 32 ? binary<left, uint32_t, uint32_t, uint32_t>
                                     : binary<left, uint64_t, uint64_t, uint32_t>;
  } else if (type.kind == Type::Kind::is_signed) {
    form.out.run = type.bits == 16   ? binary<right, int16_t, int16_t, uint32_t>
                   : type.bits == 32 ? binary<right, int32_t, int32_t, uint32_t>
                                     : binary<right, int64_t, int64_t, uint32_t>;
  } else {
    form.out.run = type.bits == 16   ? binary<right, uint16_t, uint16_t, uint32_t>
                   : type.bits == 32 ? binary<right, uint32_t, uint32_t, uint32_t>
                                     : binary<right, uint64_t, uint64_t, uint32_t>;
  }
}

template <bool is_left, bool wraps>
constexpr auto funnel = [](uint32_t low, uint32_t high, uint32_t by) {
  const uint32_t distance = wraps ? by & 31 : std::min(by, 32u);
  const uint64_t both_words = uint64_t{high} << 32 | low;
  return is_left ? static_cast<uint32_t>((both_words << distance) >> 32)
                 : static_cast<uint32_t>(both_words >> distance);
};

void decode_shf(Form& form) {
  const bool is_left = form.take_one({"l", "r"}) == "l", wraps = form.take_one({"wrap", "clamp"}) == "wrap";
  form.fill(form.type(), 3);
  form.out.run = is_left ? (wraps ? ternary<funnel<true, true>, uint32_t, uint32_t>
                                  : ternary<funnel<true, false>, uint32_t, uint32_t>)
                         : (wraps ? ternary<funnel<false, true>, uint32_t, uint32_t>
                                  : ternary<funnel<false, false>, uint32_t, uint32_t>);
}

// ---- any function of three bits
void lop3(Warp& warp, const Instruction& i, uint32_t lanes) {
  auto* d = warp.at<uint32_t>(i.d);
  const auto *a = warp.at<uint32_t>(i.a), *b = warp.at<uint32_t>(i.b), *c = warp.at<uint32_t>(i.c);
  std::array<uint32_t, 8> chosen{};
  for (uint32_t term = 0; term < 8; ++term) chosen[term] = i.bytes >> term & 1 ? ~0u : 0;
  each_lane(lanes, [&](int l) {
    const uint32_t x = a[l], y = b[l], z = c[l];
    d[l] = (chosen[0] & ~x & ~y & ~z) | (chosen[1] & ~x & ~y & z) | (chosen[2] & ~x & y & ~z) |
           (chosen[3] & ~x & y & z) | (chosen[4] & x & ~y & ~z) | (chosen[5] & x & ~y & z) |
           (chosen[6] & x & y & ~z) | (chosen[7] & x & y & z);
  });
}

void decode_lop3(Form& form) {
  const Type type = form.type();
  if (type.bits != 32 || form.operands() != 5 || form.operand(4).kind != ptx::Operand::Kind::number)
    form.unsupported();
  form.out.d = form.write(0, 32);
  form.out.a = form.read(1, 32);
  form.out.b = form.read(2, 32);
  form.out.c = form.read(3, 32);
  form.out.bytes = static_cast<uint32_t>(form.operand(4).value);
  form.out.run = lop3;
}

// ---- bytes in any order; the highest bit of a selector repeats the byte's sign
constexpr auto permuted = [](uint32_t a, uint32_t b, uint32_t selectors) {
  const uint64_t bytes = uint64_t{b} << 32 | a;
  uint32_t result = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    const uint32_t selector = selectors >> (4 * i) & 0xf;
    uint32_t byte = static_cast<uint32_t>(bytes >> (8 * (selector & 7))) & 0xff;
    if (selector & 8) byte = byte & 0x80 ? 0xff : 0;
    result |= byte << (8 * i);
  }
  return result;
};

// The modes of prmt: four selectors that follow from the two lowest bits of c.
template <int mode>
constexpr auto permuted_by_mode = [](uint32_t a, uint32_t b, uint32_t c) {
  constexpr uint32_t kSelectors[6][4] = {{0x3210, 0x4321, 0x5432, 0x6543},   // f4e
                                         {0x5670, 0x6701, 0x7012, 0x0123},   // b4e
                                         {0x0000, 0x1111, 0x2222, 0x3333},   // rc8
                                         {0x3210, 0x3211, 0x3222, 0x3333},   // ecl
                                         {0x0000, 0x1110, 0x2210, 0x3210},   // ecr
                                         {0x1010, 0x3232, 0x1010, 0x3232}};  // rc16
  return permuted(a, b, kSelectors[mode][c & 3]);
};

void decode_prmt(Form& form) {
  const std::string_view mode = form.take_one({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"});
  form.fill(form.type(), 3);
  form.out.run = mode.empty()    ? ternary<permuted, uint32_t, uint32_t>
                 : mode == "f4e" ? ternary<permuted_by_mode<0>, uint32_t, uint32_t>
                 : mode == "b4e" ? ternary<permuted_by_mode<1>, uint32_t, uint32_t>
                 : mode == "rc8" ? ternary<permuted_by_mode<2>, uint32_t, uint32_t>
                 : mode == "ecl" ? ternary<permuted_by_mode<3>, uint32_t, uint32_t>
                 : mode == "ecr" ? ternary<permuted_by_mode<4>, uint32_t, uint32_t>
                                 : ternary<permuted_by_mode<5>, uint32_t, uint32_t>;
}

// ---- fields
template <class T>
constexpr auto extracted = [](T a, uint32_t begin, uint32_t length) {
  constexpr uint32_t kBits = 8 * sizeof(T);
  using U = std::make_unsigned_t<T>;
  begin &= 0xff;
  length &= 0xff;
  if (length == 0) return T{0};
  const uint32_t last = std::min(begin + length - 1, kBits - 1);
  const U sign = std::is_signed_v<T> ? static_cast<U>(U(a) >> last & 1) : U{0};
  const U field = begin >= kBits ? U{0} : static_cast<U>(U(a) >> begin);
  const uint32_t kept = begin >= kBits ? 0 : std::min(length, kBits - begin);
  const U mask = kept >= kBits ? static_cast<U>(~U{0}) : static_cast<U>((U{1} << kept) - 1);
  return static_cast<T>((field & mask) | (sign ? static_cast<U>(~mask) : U{0}));
};

void decode_bfe(Form& form) {
  const Type type = form.type();
  form.out.d = form.write(0, type.bits);
  form.out.a = form.read(1, type.bits);
  form.out.b = form.read(2, 32);
  form.out.c = form.read(3, 32);
  const bool is_signed = type.kind == Type::Kind::is_signed;
  form.out.run = type.bits == 32
                     ? (is_signed ? ternary<extracted<int32_t>, int32_t, int32_t, uint32_t, uint32_t>
                                  : ternary<extracted<uint32_t>, uint32_t, uint32_t, uint32_t, uint32_t>)
                     : (is_signed ? ternary<extracted<int64_t>, int64_t, int64_t, uint32_t, uint32_t>
                                  : ternary<extracted<uint64_t>, uint64_t, uint64_t, uint32_t, uint32_t>);
}

template <class T>
constexpr auto inserted = [](T a, T b, uint32_t begin, uint32_t length) {
  constexpr uint32_t kBits = 8 * sizeof(T);
  begin &= 0xff;
  length &= 0xff;
  if (begin >= kBits) return b;
  const T mask = static_cast<T>((length >= kBits ? ~T{0} : (T{1} << length) - 1) << begin);
  return static_cast<T>((b & ~mask) | ((a << begin) & mask));
};

void decode_bfi(Form& form) {
  const Type type = form.type();
  form.out.d = form.write(0, type.bits);
  form.out.a = form.read(1, type.bits);
  form.out.b = form.read(2, type.bits);
  form.out.c = form.read(3, 32);
  form.out.e = form.read(4, 32);
  form.out.run = type.bits == 32
                     ? quaternary<inserted<uint32_t>, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t>
                     : quaternary<inserted<uint64_t>, uint64_t, uint64_t, uint64_t, uint32_t, uint32_t>;
}

// ---- counts
constexpr auto ones = [](auto a) { return static_cast<uint32_t>(std::popcount(a)); };
constexpr auto leading_zeros = [](auto a) { return static_cast<uint32_t>(std::countl_zero(a)); };
constexpr auto reversed = []<class T>(T a) {
  T result = 0;
  for (uint32_t bit = 0; bit < 8 * sizeof(T); ++bit) result = static_cast<T>(result << 1 | (a >> bit & 1));
  return result;
};
// The highest bit that is not the sign; ~0: none.
template <class T, bool as_shift>
constexpr auto highest = [](T a) {
  using U = std::make_unsigned_t<T>;
  const U bits = std::is_signed_v<T> && a < 0 ? static_cast<U>(~a) : static_cast<U>(a);
  if (bits == 0) return ~0u;
  const auto zeros = static_cast<uint32_t>(std::countl_zero(bits));
  return as_shift ? zeros : static_cast<uint32_t>(8 * sizeof(T)) - 1 - zeros;
};

template <auto operation>
void decode_count(Form& form) {
  const Type type = form.type();
  form.out.d = form.write(0, 32);
  form.out.a = form.read(1, type.bits);
  form.out.run =
      type.bits == 32 ? unary<operation, uint32_t, uint32_t> : unary<operation, uint32_t, uint64_t>;
}

void decode_brev(Form& form) {
  const Type type = form.type();
  form.fill(type, 1);
  form.out.run = type.bits == 32 ? unary<reversed, uint32_t, uint32_t> : unary<reversed, uint64_t, uint64_t>;
}

template <class T>
Handler highest_bit(bool as_shift) {
  return as_shift ? unary<highest<T, true>, uint32_t, T> : unary<highest<T, false>, uint32_t, T>;
}

void decode_bfind(Form& form) {
  const bool as_shift = form.take("shiftamt");
  const Type type = form.type();
  form.out.d = form.write(0, 32);
  form.out.a = form.read(1, type.bits);
  const bool is_signed = type.kind == Type::Kind::is_signed;
  form.out.run = type.bits == 32
                     ? (is_signed ? highest_bit<int32_t>(as_shift) : highest_bit<uint32_t>(as_shift))
                     : (is_signed ? highest_bit<int64_t>(as_shift) : highest_bit<uint64_t>(as_shift));
}

constexpr auto wrapped_mask = [](uint32_t begin, uint32_t length) {
  return static_cast<uint32_t>(((uint64_t{1} << (length & 31)) - 1) << (begin & 31));
};
constexpr auto clamped_mask = [](uint32_t begin, uint32_t length) {
  return begin > 31 ? 0u : static_cast<uint32_t>(((uint64_t{1} << std::min(length, 32u)) - 1) << begin);
};

void decode_bmsk(Form& form) {
  const bool wraps = form.take_one({"wrap", "clamp"}) == "wrap";
  form.fill(form.type(), 2);
  form.out.run = wraps ? binary<wrapped_mask, uint32_t, uint32_t> : binary<clamped_mask, uint32_t, uint32_t>;
}

}  // namespace

void add_bit_forms(DecodeTable& table) {
  table["and"] = decode_logic<both>;
  table["or"] = decode_logic<either>;
  table["xor"] = decode_logic<one>;
  table["not"] = decode_not;
  table["cnot"] = decode_cnot;
  table["shl"] = decode_shift;
  table["shr"] = decode_shift;
  table["shf"] = decode_shf;
  table["lop3"] = decode_lop3;
  table["prmt"] = decode_prmt;
  table["bfe"] = decode_bfe;
  table["bfi"] = decode_bfi;
  table["bmsk"] = decode_bmsk;
  table["popc"] = decode_count<ones>;
  table["clz"] = decode_count<leading_zeros>;
  table["brev"] = decode_brev;
  table["bfind"] = decode_bfind;
}

}  // namespace quern::emulator
