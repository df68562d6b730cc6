// setp and set: comparisons, and what is made of them.
#include <array>
#include <type_traits>

#include "emulator/decode_arithmetic.h"

namespace quern::emulator {

namespace {

enum class Relation : uint8_t { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };

constexpr std::array<std::pair<std::string_view, Relation>, 18> kRelations = {{
    {"eq", Relation::eq},
    {"ne", Relation::ne},
    {"lt", Relation::lt},
    {"le", Relation::le},
    {"gt", Relation::gt},
    {"ge", Relation::ge},
    {"lo", Relation::lt},
    {"ls", Relation::le},
    {"hi", Relation::gt},
    {"hs", Relation::ge},
    {"equ", Relation::equ},
    {"neu", Relation::neu},
    {"ltu", Relation::ltu},
    {"leu", Relation::leu},
    {"gtu", Relation::gtu},
    {"geu", Relation::geu},
    {"num", Relation::num},
    {"nan", Relation::nan},
}};

template <Relation relation, class T>
bool holds(T a, T b) {
  if constexpr (relation == Relation::eq) return a == b;
  if constexpr (relation == Relation::ne) return a < b || a > b;  // not of a NaN
  if constexpr (relation == Relation::lt) return a < b;
  if constexpr (relation == Relation::le) return a <= b;
  if constexpr (relation == Relation::gt) return a > b;
  if constexpr (relation == Relation::ge) return a >= b;
  if constexpr (relation == Relation::equ) return !(a < b || a > b);
  if constexpr (relation == Relation::neu) return a != b;
  if constexpr (relation == Relation::ltu) return !(a >= b);
  if constexpr (relation == Relation::leu) return !(a > b);
  if constexpr (relation == Relation::gtu) return !(a <= b);
  if constexpr (relation == Relation::geu) return !(a < b);
  if constexpr (relation == Relation::num) return a == a && b == b;
  if constexpr (relation == Relation::nan) return a != a || b != b;
}

// How a type is kept and compared.
template <class T>
struct Plain {
  using Stored = T;
  using Compared = T;
  static T widened(T x) { return x; }
};
struct Flushed : Plain<float> {
  static float widened(float x) { return flushed(x); }
};
struct Half {
  using Stored = uint16_t;
  using Compared = float;
  static float widened(uint16_t x) { return of_half(x); }
};
struct Brain {
  using Stored = uint16_t;
  using Compared = float;
  static float widened(uint16_t x) { return of_brain(x); }
};

// 32 words that are 0 or not, as bits.
uint32_t bits_of(const int32_t* words) {
  uint32_t bits = 0;
  for (int l = 0; l < kLanes; ++l) bits |= (words[l] ? 1u : 0u) << l;
  return bits;
}

template <Relation relation, class F>
uint32_t compare(Warp& warp, const Instruction& i) {
  const auto *a = warp.at<typename F::Stored>(i.a), *b = warp.at<typename F::Stored>(i.b);
  alignas(64) int32_t results[kLanes];
#pragma GCC ivdep
  for (int l = 0; l < kLanes; ++l) {
    results[l] = holds<relation, typename F::Compared>(F::widened(a[l]), F::widened(b[l]));
  }
  return bits_of(results);
}

// Instruction::kind of setp: what the comparison is joined with, and whether c is negated.
enum Join : uint8_t { kNone, kAnd, kOr, kXor, kJoin = 3, kNegatesC = 4 };

uint32_t joined(Warp& warp, const Instruction& i, uint32_t result) {
  if ((i.kind & kJoin) == kNone) return result;
  const uint32_t other = warp.predicate(i.c) ^ (i.kind & kNegatesC ? ~0u : 0);
  return (i.kind & kJoin) == kAnd  ? result & other
         : (i.kind & kJoin) == kOr ? result | other
                                   : result ^ other;
}

template <Relation relation, class F>
void set_predicates(Warp& warp, const Instruction& i, uint32_t lanes) {
  const uint32_t result = compare<relation, F>(warp, i);
  const uint32_t first = joined(warp, i, result);
  if (i.e != kNowhere) {
    const uint32_t second = joined(warp, i, ~result);
    uint32_t& e = warp.predicate(i.e);
    e = (e & ~lanes) | (second & lanes);
  }
  uint32_t& d = warp.predicate(i.d);
  d = (d & ~lanes) | (first & lanes);
}

template <class F, size_t... index>
Handler by_relation(Relation relation, std::index_sequence<index...>) {
  static constexpr Handler all[] = {set_predicates<static_cast<Relation>(index), F>...};
  const auto which = static_cast<size_t>(relation);
  return which < sizeof...(index) ? all[which] : nullptr;
}

Handler handler_of(Form& form, const Type& type, Relation relation, bool flushes) {
  constexpr auto all = std::make_index_sequence<14>();
  constexpr auto ordered = std::make_index_sequence<6>();  // of integers
  const bool is_signed = type.kind == Type::Kind::is_signed;
  if (type.kind == Type::Kind::brain) return by_relation<Brain>(relation, all);
  if (type.kind == Type::Kind::floating) {
    if (type.bits == 16) return by_relation<Half>(relation, all);
    if (type.bits == 64) return by_relation<Plain<double>>(relation, all);
    return flushes ? by_relation<Flushed>(relation, all) : by_relation<Plain<float>>(relation, all);
  }
  switch (type.bits) {
    case 16:
      return is_signed ? by_relation<Plain<int16_t>>(relation, ordered)
                       : by_relation<Plain<uint16_t>>(relation, ordered);
    case 32:
      return is_signed ? by_relation<Plain<int32_t>>(relation, ordered)
                       : by_relation<Plain<uint32_t>>(relation, ordered);
    case 64:
      return is_signed ? by_relation<Plain<int64_t>>(relation, ordered)
                       : by_relation<Plain<uint64_t>>(relation, ordered);
    default:
      form.unsupported();
  }
}

Relation take_relation(Form& form) {
  for (const auto& [name, relation] : kRelations) {
    if (form.take(name)) return relation;
  }
  form.unsupported("no comparison that is known");
}

void take_join(Form& form) {
  const std::string_view join = form.take_one({"and", "or", "xor"});
  if (join.empty()) return;
  form.out.kind = join == "and" ? kAnd : join == "or" ? kOr : kXor;
  form.out.c = form.read(3, 1);
  if (form.operand(3).is_negated) form.out.kind |= kNegatesC;
}

// Two operands of a type, from the second on, compared: the result is where form.out.d says.
void fill_comparison(Form& form, const Type& type, Relation relation, bool flushes) {
  if (type.is_pair) form.unsupported();
  form.out.a = form.read(1, type.bits);
  form.out.b = form.read(2, type.bits);
  form.out.run = handler_of(form, type, relation, flushes);
  if (!form.out.run) form.unsupported();
}

void decode_setp(Form& form) {
  const Relation relation = take_relation(form);
  take_join(form);
  const bool flushes = form.take("ftz");
  const Type type = form.type();
  const ptx::Operand& to = form.operand(0);
  const bool is_pair = to.kind == ptx::Operand::Kind::pair;
  form.out.d = form.write(is_pair ? to.parts[0] : to, 1);
  form.out.e = is_pair ? form.write(to.parts[1], 1) : kNowhere;
  fill_comparison(form, type, relation, flushes);
}

// A comparison, and a choice by it: 1 of a float, all bits of an integer.
void decode_set(Form& form) {
  const Relation relation = take_relation(form);
  take_join(form);
  const bool flushes = form.take("ftz");
  const Type to = form.type(), from = form.type();
  if (to.is_pair || to.bits > 32) form.unsupported();
  form.out.d = form.decoder.scratch(1);
  form.out.e = kNowhere;
  fill_comparison(form, from, relation, flushes);
  form.decoder.emit(form.out);
  const uint32_t one = to.kind == Type::Kind::brain ? 0x3f80 : to.bits == 16 ? 0x3c00 : 0x3f800000;
  form.out.c = form.out.d;
  form.out.a = form.decoder.constant(to.is_float() ? one : ~0u, to.bits);
  form.out.b = form.decoder.constant(0, to.bits);
  form.out.d = form.write(0, to.bits);
  form.out.run = to.bits == 16 ? select<uint16_t> : select<uint32_t>;
}

// testp: what kind of number a float is.
template <class T>
void test_number(Warp& warp, const Instruction& i, uint32_t lanes) {
  const T* a = warp.at<T>(i.a);
  uint32_t result = 0;
  each_lane(lanes, [&](int l) {
    const int kind = std::fpclassify(a[l]);
    const bool found[] = {kind != FP_NAN && kind != FP_INFINITE,
                          kind == FP_INFINITE,
                          kind != FP_NAN,
                          kind == FP_NAN,
                          kind == FP_NORMAL,
                          kind == FP_SUBNORMAL};
    result |= uint32_t{found[i.kind]} << l;
  });
  uint32_t& d = warp.predicate(i.d);
  d = (d & ~lanes) | result;
}

void decode_testp(Form& form) {
  const std::string_view names[] = {"finite", "infinite", "number", "notanumber", "normal", "subnormal"};
  uint8_t which = 0;
  while (which < 6 && !form.take(names[which])) ++which;
  if (which == 6) form.unsupported();
  const Type type = form.type();
  form.out.kind = which;
  form.out.d = form.write(0, 1);
  form.out.a = form.read(1, type.bits);
  form.out.run = type.bits == 64 ? test_number<double> : test_number<float>;
}

}  // namespace

void add_compare_forms(DecodeTable& table) {
  table["setp"] = decode_setp;
  table["set"] = decode_set;
  table["testp"] = decode_testp;
}

}  // namespace quern::emulator
