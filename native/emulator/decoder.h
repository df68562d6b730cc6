// From PTX instructions to what the interpreter runs: the tables of instructions are in decode_*.cc, by
// theme.
#pragma once
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/program.h"
#include "emulator/ptx.h"

namespace quern::emulator {

// A PTX type: what its bits mean and how many there are.
struct Type {
  enum class Kind { untyped, is_signed, is_unsigned, floating, brain, predicate } kind = Kind::untyped;
  uint32_t bits = 0;  // of one number
  bool is_pair = false;
  bool is_float() const { return kind == Kind::floating || kind == Kind::brain; }
  uint32_t all_bits() const { return is_pair ? bits * 2 : bits; }
};
std::optional<Type> type_of(std::string_view name);

class Decoder;

// An instruction that is being decoded: its opcode's parts are taken one by one, and what is left at the end
// is not supported.
class Form {
 public:
  Form(Decoder& of, const ptx::Instruction& source);

  std::string_view name() const { return source_.parts[0]; }
  bool take(std::string_view part);
  // The one of these that is there; empty: none is.
  std::string_view take_one(std::initializer_list<std::string_view> parts);
  // The next part that is a type.
  Type type();
  std::string_view untaken() const;

  size_t operands() const { return source_.operands.size(); }
  const ptx::Operand& operand(size_t index) const;
  // Where an operand is read or written; its register has `bits`.
  Place read(size_t index, uint32_t bits) const;
  Place write(size_t index, uint32_t bits) const;
  Place read(const ptx::Operand& operand, uint32_t bits) const;
  Place write(const ptx::Operand& operand, uint32_t bits) const;
  // Bits of the register that an operand is; of a number: `otherwise`.
  uint32_t width(const ptx::Operand& operand, uint32_t otherwise) const;
  // a, b, c, e are read and d is written, all as `bits` wide numbers of a type.
  void fill(const Type& type, size_t sources);
  [[noreturn]] void unsupported(const std::string& why = "") const;

  Decoder& decoder;
  Instruction out;

 private:
  const ptx::Instruction& source_;
  uint64_t taken_ = 1;  // bit by part
};

class Decoder {
 public:
  Decoder(const Kernel& of, Program& into) : kernel(of), program(into) {}
  void decode();

  const Kernel& kernel;
  Program& program;

  Place register_place(int index) const { return register_places_[static_cast<size_t>(index)]; }
  uint32_t register_bits(int index) const { return function_->registers[static_cast<size_t>(index)]; }
  // A register that no instruction of the source names.
  Place scratch(uint32_t bits);
  Place constant(uint64_t value, uint32_t bits);
  // A 64-bit (shared: 32-bit) address of a variable, or a special register.
  std::optional<Place> symbol(std::string_view name, uint32_t bits, int64_t offset);
  std::optional<Place> variable(int index, uint32_t bits, int64_t offset);
  const ptx::Function& function() const { return *function_; }
  bool is_kernel_parameter(int index) const;
  uint32_t parameter_offset(int index) const { return local_offsets_[static_cast<size_t>(index)]; }
  FunctionCode::Slot slot(int index) const;
  uint32_t function_index(std::string_view name);
  // An instruction that comes before the one that is being decoded.
  void emit(const Instruction& instruction);

 private:
  void decode_function(uint32_t index);
  void decode_instruction(const ptx::Instruction& source);
  void lay_out_function(FunctionCode& code);

  const ptx::Function* function_ = nullptr;
  const ptx::Instruction* source_ = nullptr;
  std::vector<const ptx::Function*> functions_;  // as in program.functions
  std::vector<Place> register_places_;
  std::vector<uint32_t> local_offsets_;  // of the function's variables
  uint32_t register_bytes_ = 0;
  std::map<std::pair<uint64_t, uint32_t>, Place> constants_;
};

// Fills form.out; throws by form.unsupported() what it does not know.
using Decode = void (*)(Form& form);
using DecodeTable = std::map<std::string_view, Decode>;
void add_move_forms(DecodeTable& table);
void add_integer_forms(DecodeTable& table);
void add_bit_forms(DecodeTable& table);
void add_float_forms(DecodeTable& table);
void add_function_forms(DecodeTable& table);
void add_compare_forms(DecodeTable& table);
void add_convert_forms(DecodeTable& table);
void add_memory_forms(DecodeTable& table);
void add_atomic_forms(DecodeTable& table);
void add_async_forms(DecodeTable& table);
void add_warp_forms(DecodeTable& table);
void add_tensor_forms(DecodeTable& table);
void add_control_forms(DecodeTable& table);

}  // namespace quern::emulator
