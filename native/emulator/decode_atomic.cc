// atom and red: lanes one after another, each reads, changes and writes.
#include <algorithm>

#include "emulator/float_operation.h"
#include "emulator/memory.h"

namespace quern::emulator {

namespace {

// d (atom only): what was there; b, c: operands. `operation` gives what will be there.
template <class T, auto operation, bool returns>
void atomic(Warp& warp, const Instruction& i, uint32_t lanes) {
  Access access;
  prepare(warp, i, lanes, sizeof(T), true, true, access);
  const T *b = warp.at<T>(i.b), *c = warp.at<T>(i.c);
  each_lane(access.lanes, [&](int l) {
    T old, value;
    std::memcpy(&old, reinterpret_cast<const void*>(access.addresses[l]), sizeof(T));
    value = operation(old, b[l], c[l]);
    if constexpr (returns) warp.at<T>(i.d)[l] = old;
    std::memcpy(reinterpret_cast<void*>(access.addresses[l]), &value, sizeof(T));
  });
}

constexpr auto sum = []<class T>(T old, T b, T) { return static_cast<T>(old + b); };
constexpr auto float_sum = []<class T>(T old, T b, T) { return canonical(old + b); };
constexpr auto least = []<class T>(T old, T b, T) { return std::min(old, b); };
constexpr auto most = []<class T>(T old, T b, T) { return std::max(old, b); };
constexpr auto both = []<class T>(T old, T b, T) { return static_cast<T>(old & b); };
constexpr auto either = []<class T>(T old, T b, T) { return static_cast<T>(old | b); };
constexpr auto one = []<class T>(T old, T b, T) { return static_cast<T>(old ^ b); };
constexpr auto exchanged = []<class T>(T, T b, T) { return b; };
constexpr auto swapped = []<class T>(T old, T b, T c) { return old == b ? c : old; };
constexpr auto incremented = []<class T>(T old, T b, T) { return static_cast<T>(old >= b ? 0 : old + 1); };
constexpr auto decremented = []<class T>(T old, T b, T) {
  return static_cast<T>(old == 0 || old > b ? b : old - 1);
};

template <class T, auto operation>
Handler atomic_or_red(bool returns) {
  return returns ? atomic<T, operation, true> : atomic<T, operation, false>;
}

template <class T>
Handler of_bits(std::string_view name, bool returns) {
  if (name == "exch") return atomic_or_red<T, exchanged>(returns);
  if (name == "cas") return atomic_or_red<T, swapped>(returns);
  if (name == "and") return atomic_or_red<T, both>(returns);
  if (name == "or") return atomic_or_red<T, either>(returns);
  if (name == "xor") return atomic_or_red<T, one>(returns);
  return nullptr;
}

template <class T>
Handler of_integer(std::string_view name, bool returns) {
  if (name == "add") return atomic_or_red<T, sum>(returns);
  if (name == "min") return atomic_or_red<T, least>(returns);
  if (name == "max") return atomic_or_red<T, most>(returns);
  if constexpr (!std::is_signed_v<T>) {
    if (name == "inc") return atomic_or_red<T, incremented>(returns);
    if (name == "dec") return atomic_or_red<T, decremented>(returns);
    return of_bits<T>(name, returns);
  } else {
    return of_bits<std::make_unsigned_t<T>>(name, returns);
  }
}

Handler handler_of(const Type& type, std::string_view name, bool returns) {
  const bool is_signed = type.kind == Type::Kind::is_signed;
  if (type.is_float() && name != "add") return nullptr;
  if (type.is_float() && !type.is_pair && type.bits == 32) return atomic_or_red<float, float_sum>(returns);
  if (type.is_float() && !type.is_pair && type.bits == 64) return atomic_or_red<double, float_sum>(returns);
  if (type.is_float()) return nullptr;
  if (type.bits == 16 && (name == "cas" || name == "exch")) return of_bits<uint16_t>(name, returns);
  if (type.bits == 32)
    return is_signed ? of_integer<int32_t>(name, returns) : of_integer<uint32_t>(name, returns);
  if (type.bits == 64)
    return is_signed ? of_integer<int64_t>(name, returns) : of_integer<uint64_t>(name, returns);
  return nullptr;
}

void decode_atomic(Form& form) {
  const bool returns = form.name() == "atom";
  const Manners manners = take_manners(form);
  const std::string_view name =
      form.take_one({"add", "min", "max", "exch", "cas", "and", "or", "xor", "inc", "dec"});
  form.take("noftz");
  const Type type = form.type();
  const size_t first = returns ? 1 : 0;
  form.out.kind = access_kind(manners);
  fill_address(form, form.operand(first), manners.space);
  if (returns) form.out.d = form.write(0, type.all_bits());
  form.out.b = form.read(first + 1, type.all_bits());
  form.out.c = name == "cas" ? form.read(first + 2, type.all_bits()) : form.out.b;
  form.out.flow = Flow::fallible;
  form.out.run = handler_of(type, name, returns);
  if (!form.out.run) form.unsupported();
}

}  // namespace

void add_atomic_forms(DecodeTable& table) {
  table["atom"] = decode_atomic;
  table["red"] = decode_atomic;
}

}  // namespace quern::emulator
