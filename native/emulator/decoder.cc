// Turns the functions of a kernel into a Program: gives registers and constants their places, and finds for
// each instruction what does it.
#include "emulator/decoder.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "emulator/arena.h"
#include "emulator/warp.h"

namespace quern::emulator {

namespace {

uint32_t plane_bytes(uint32_t bits) {
  return bits == 1 ? 4 : bits / 8 * kLanes;
}

uint32_t rounded_up(uint32_t value, uint32_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

const DecodeTable& decode_table() {
  // Never destroyed, as no table here is: a process may exit while its GPU works.
  static const DecodeTable& table = *[] {
    auto& all = *new DecodeTable;
    add_move_forms(all);
    add_integer_forms(all);
    add_bit_forms(all);
    add_float_forms(all);
    add_function_forms(all);
    add_compare_forms(all);
    add_convert_forms(all);
    add_memory_forms(all);
    add_atomic_forms(all);
    add_async_forms(all);
    add_warp_forms(all);
    add_tensor_forms(all);
    add_control_forms(all);
    return &all;
  }();
  return table;
}

const std::map<std::string_view, uint32_t>& special_registers() {
  using namespace special;
  const auto of_block = [](uint32_t which) { return place_in(kOfBlock, which * plane_bytes(32)); };
  const auto of_warp = [](uint32_t which) { return place_in(kOfWarp, which * plane_bytes(32)); };
  static const std::map<std::string_view, uint32_t>& places = *new const std::map<std::string_view, uint32_t>{
      {"%ntid.x", of_block(ntid_x)},
      {"%ntid.y", of_block(ntid_y)},
      {"%ntid.z", of_block(ntid_z)},
      {"%ctaid.x", of_block(ctaid_x)},
      {"%ctaid.y", of_block(ctaid_y)},
      {"%ctaid.z", of_block(ctaid_z)},
      {"%nctaid.x", of_block(nctaid_x)},
      {"%nctaid.y", of_block(nctaid_y)},
      {"%nctaid.z", of_block(nctaid_z)},
      {"%dynamic_smem_size", of_block(dynamic_smem_size)},
      {"%total_smem_size", of_block(total_smem_size)},
      {"%nwarpid", of_block(nwarpid)},
      {"%tid.x", of_warp(tid_x)},
      {"%tid.y", of_warp(tid_y)},
      {"%tid.z", of_warp(tid_z)},
      {"%laneid", of_warp(laneid)},
      {"%warpid", of_warp(warpid)},
      {"%lanemask_eq", of_warp(lanemask_eq)},
      {"%lanemask_lt", of_warp(lanemask_lt)},
      {"%lanemask_le", of_warp(lanemask_le)},
      {"%lanemask_gt", of_warp(lanemask_gt)},
      {"%lanemask_ge", of_warp(lanemask_ge)},
  };
  return places;
}

}  // namespace

void Decoder::decode() {
  functions_ = {kernel.function};
  program.functions.emplace_back();
  for (uint32_t index = 0; index < functions_.size(); ++index) decode_function(index);
  program.has_calls = functions_.size() > 1;
  for (Instruction& instruction : program.code) {
    if (instruction.flow != Flow::call) continue;
    CallSite& call = program.calls[instruction.list];
    const FunctionCode& callee = program.functions[instruction.target];
    if (call.parameters.size() != callee.parameters.size() || call.results.size() != callee.results.size()) {
      throw std::runtime_error("a call has other parameters than its function");
    }
  }
}

void Decoder::lay_out_function(FunctionCode& code) {
  register_places_.clear();
  register_bytes_ = 0;
  for (const uint32_t bits : function_->registers) register_places_.push_back(scratch(bits));
  local_offsets_.clear();
  uint32_t local = 0;
  for (size_t index = 0; index < function_->variables.size(); ++index) {
    const ptx::Variable& variable = function_->variables[index];
    if (is_kernel_parameter(static_cast<int>(index))) {
      local_offsets_.push_back(kernel.parameter_offsets[index]);
    } else if (variable.space == ptx::Space::shared) {
      local_offsets_.push_back(0);
    } else {
      local = rounded_up(local, variable.alignment);
      local_offsets_.push_back(local);
      local += static_cast<uint32_t>(variable.bytes);
    }
  }
  code.local_bytes = rounded_up(local, 16);
  for (uint32_t index = 0; index < function_->results + function_->parameters; ++index) {
    (index < function_->results ? code.results : code.parameters).push_back(slot(static_cast<int>(index)));
  }
}

void Decoder::decode_function(uint32_t index) {
  function_ = functions_[index];
  FunctionCode code;
  code.begin = static_cast<uint32_t>(program.code.size());
  lay_out_function(code);
  std::vector<uint32_t> begins;  // of what each instruction of the source became
  for (const ptx::Instruction& source : function_->code) {
    begins.push_back(static_cast<uint32_t>(program.code.size()));
    source_ = &source;
    decode_instruction(source);
  }
  // Who falls off the end returns.
  begins.push_back(static_cast<uint32_t>(program.code.size()));
  Instruction end;
  end.flow = index == 0 ? Flow::exit : Flow::ret;
  emit(end);
  for (uint32_t pc = code.begin; pc < program.code.size(); ++pc) {
    Instruction& instruction = program.code[pc];
    if (instruction.flow == Flow::branch) instruction.target = begins[instruction.target];
    if (instruction.flow == Flow::table) {
      for (uint32_t i = 0; i < instruction.bytes; ++i) {
        uint32_t& target = program.lists[instruction.list + i];
        target = begins[target];
      }
    }
  }
  code.register_bytes = rounded_up(register_bytes_, 64);
  program.functions[index] = code;
}

void Decoder::decode_instruction(const ptx::Instruction& source) {
  Form form(*this, source);
  const auto decode = decode_table().find(source.parts[0]);
  if (decode == decode_table().end()) form.unsupported();
  decode->second(form);
  if (!form.untaken().empty()) form.unsupported("." + std::string(form.untaken()) + " is not known here");
  emit(form.out);
}

void Decoder::emit(const Instruction& instruction) {
  program.code.push_back(instruction);
  program.places.push_back(source_ ? source_->place : 0);
  program.texts.emplace_back(source_ ? source_->text : "");
}

Place Decoder::scratch(uint32_t bits) {
  const uint32_t bytes = plane_bytes(bits);
  register_bytes_ = rounded_up(register_bytes_, std::min<uint32_t>(bytes, 64));
  const Place place = place_in(kRegisters, register_bytes_);
  register_bytes_ += bytes;
  return place;
}

Place Decoder::constant(uint64_t value, uint32_t bits) {
  if (bits == 1) value = value ? ~0u : 0;
  if (bits == 16) value &= 0xffff;
  if (bits == 32) value &= 0xffffffff;
  const auto [found, is_new] = constants_.try_emplace({value, bits}, 0);
  if (!is_new) return found->second;
  const size_t lanes = bits == 1 ? 1 : kLanes, bytes = plane_bytes(bits) / lanes;
  const size_t begin = (program.constants.size() + 63) / 64 * 64;
  program.constants.resize(begin + bytes * lanes);
  for (size_t lane = 0; lane < lanes; ++lane) {
    std::memcpy(program.constants.data() + begin + lane * bytes, &value, bytes);
  }
  return found->second = place_in(kConstants, static_cast<uint32_t>(begin));
}

std::optional<Place> Decoder::symbol(std::string_view name, uint32_t bits, int64_t offset) {
  if (const auto special = special_registers().find(name); special != special_registers().end()) {
    return special->second;
  }
  if (name == "WARP_SZ") return constant(kLanes, bits);
  for (const Kernel::Shared& shared : kernel.shared) {
    if (shared.name == name) return constant(shared.offset + static_cast<uint64_t>(offset), bits);
  }
  if (const Module::Variable* found = kernel.module->variable(name)) {
    return constant(reinterpret_cast<uint64_t>(found->address) + static_cast<uint64_t>(offset), bits);
  }
  return std::nullopt;
}

bool Decoder::is_kernel_parameter(int index) const {
  return function_->is_entry && index < static_cast<int>(function_->parameters);
}

std::optional<Place> Decoder::variable(int index, uint32_t bits, int64_t offset) {
  const ptx::Variable& variable = function_->variables[static_cast<size_t>(index)];
  const auto more = static_cast<uint64_t>(offset);
  if (is_kernel_parameter(index)) {
    return constant(reinterpret_cast<uint64_t>(kernel.parameters) + parameter_offset(index) + more, bits);
  }
  if (variable.space != ptx::Space::shared) return std::nullopt;  // each lane has its own
  for (const Kernel::Shared& shared : kernel.shared) {
    if (shared.name == variable.name) return constant(shared.offset + more, bits);
  }
  return std::nullopt;
}

FunctionCode::Slot Decoder::slot(int index) const {
  return {local_offsets_[static_cast<size_t>(index)],
          static_cast<uint32_t>(function_->variables[static_cast<size_t>(index)].bytes)};
}

uint32_t Decoder::function_index(std::string_view name) {
  for (uint32_t index = 0; index < functions_.size(); ++index) {
    if (functions_[index]->name == name) return index;
  }
  for (const auto& function : kernel.module->text().functions) {
    if (function->name != name || function->is_declaration) continue;
    functions_.push_back(function.get());
    program.functions.emplace_back();
    return static_cast<uint32_t>(functions_.size()) - 1;
  }
  throw std::runtime_error("a call of " + std::string(name) + ", which is not in this PTX");
}

}  // namespace quern::emulator
