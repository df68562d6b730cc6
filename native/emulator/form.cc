// What the tables of instructions take from the instruction that they decode.
#include <bit>
#include <stdexcept>

#include "emulator/decoder.h"

namespace quern::emulator {

std::optional<Type> type_of(std::string_view name) {
  using Kind = Type::Kind;
  static const std::map<std::string_view, Type>& types = *new const std::map<std::string_view, Type>{
      {"b8", {Kind::untyped, 8, false}},       {"b16", {Kind::untyped, 16, false}},
      {"b32", {Kind::untyped, 32, false}},     {"b64", {Kind::untyped, 64, false}},
      {"u8", {Kind::is_unsigned, 8, false}},   {"u16", {Kind::is_unsigned, 16, false}},
      {"u32", {Kind::is_unsigned, 32, false}}, {"u64", {Kind::is_unsigned, 64, false}},
      {"s8", {Kind::is_signed, 8, false}},     {"s16", {Kind::is_signed, 16, false}},
      {"s32", {Kind::is_signed, 32, false}},   {"s64", {Kind::is_signed, 64, false}},
      {"f16", {Kind::floating, 16, false}},    {"f32", {Kind::floating, 32, false}},
      {"f64", {Kind::floating, 64, false}},    {"bf16", {Kind::brain, 16, false}},
      {"f16x2", {Kind::floating, 16, true}},   {"bf16x2", {Kind::brain, 16, true}},
      {"pred", {Kind::predicate, 1, false}},
  };
  const auto found = types.find(name);
  if (found == types.end()) return std::nullopt;
  return found->second;
}

Form::Form(Decoder& of, const ptx::Instruction& source) : decoder(of), source_(source) {
  if (source.guard < 0) return;
  out.guard = decoder.register_place(source.guard);
  out.guard_is_negated = source.guard_is_negated;
}

bool Form::take(std::string_view part) {
  for (size_t i = 1; i < source_.parts.size(); ++i) {
    if (source_.parts[i] != part || taken_ >> i & 1) continue;
    taken_ |= uint64_t{1} << i;
    return true;
  }
  return false;
}

std::string_view Form::take_one(std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    if (take(part)) return part;
  }
  return {};
}

Type Form::type() {
  for (size_t i = 1; i < source_.parts.size(); ++i) {
    if (taken_ >> i & 1) continue;
    if (const auto found = type_of(source_.parts[i])) {
      taken_ |= uint64_t{1} << i;
      return *found;
    }
  }
  unsupported("it has no type that is known");
}

std::string_view Form::untaken() const {
  for (size_t i = 1; i < source_.parts.size(); ++i) {
    if (!(taken_ >> i & 1)) return source_.parts[i];
  }
  return {};
}

const ptx::Operand& Form::operand(size_t index) const {
  if (index >= source_.operands.size()) unsupported("it has too few operands");
  return source_.operands[index];
}

Place Form::read(size_t index, uint32_t bits) const {
  return read(operand(index), bits);
}
Place Form::write(size_t index, uint32_t bits) const {
  return write(operand(index), bits);
}

Place Form::read(const ptx::Operand& operand, uint32_t bits) const {
  using Kind = ptx::Operand::Kind;
  switch (operand.kind) {
    case Kind::reg:
      if (operand.is_negated && bits != 1) unsupported("a negated operand");
      if (decoder.register_bits(operand.index) != bits) {
        unsupported("an operand of " + std::to_string(decoder.register_bits(operand.index)) + " bits, not " +
                    std::to_string(bits));
      }
      return decoder.register_place(operand.index);
    case Kind::number: {
      uint64_t value = operand.value;
      if (operand.is_real) {
        value = bits == 64 ? std::bit_cast<uint64_t>(operand.real)
                           : std::bit_cast<uint32_t>(static_cast<float>(operand.real));
      }
      return decoder.constant(value, bits);
    }
    case Kind::symbol:
      if (const auto place = decoder.symbol(operand.text, bits, operand.offset)) return *place;
      unsupported("the name " + std::string(operand.text));
    case Kind::variable:
      if (const auto place = decoder.variable(operand.index, bits, operand.offset)) return *place;
      unsupported("a variable of each thread");
    default:
      unsupported("an operand that is not a number");
  }
}

Place Form::write(const ptx::Operand& operand, uint32_t bits) const {
  if (operand.kind == ptx::Operand::Kind::none) return decoder.scratch(bits);
  if (operand.kind != ptx::Operand::Kind::reg) unsupported("a result that is not a register");
  return read(operand, bits);
}

uint32_t Form::width(const ptx::Operand& operand, uint32_t otherwise) const {
  return operand.kind == ptx::Operand::Kind::reg ? decoder.register_bits(operand.index) : otherwise;
}

void Form::fill(const Type& type, size_t sources) {
  const uint32_t bits = type.all_bits();
  if (operands() != sources + 1) unsupported("it has another number of operands");
  out.d = write(0, bits);
  Place* const places[] = {&out.a, &out.b, &out.c, &out.e};
  for (size_t i = 0; i < sources; ++i) *places[i] = read(operand(i + 1), bits);
}

void Form::unsupported(const std::string& why) const {
  throw std::runtime_error("'" + std::string(source_.text) + "'" + (why.empty() ? "" : ": " + why));
}

}  // namespace quern::emulator
