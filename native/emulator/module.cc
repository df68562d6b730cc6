// Modules and kernels: what a PTX text declares, and where its variables lie.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "emulator/arena.h"
#include "emulator/decoder.h"
#include "emulator/program.h"

namespace quern::emulator {

namespace {

uint32_t rounded_up(uint64_t value, uint32_t alignment) {
  return static_cast<uint32_t>((value + alignment - 1) / alignment * alignment);
}

}  // namespace

Module::Module(std::string source) : text_(ptx::parse(std::move(source))) {
  place_variables();
  for (const auto& function : text_->functions) {
    if (!function->is_entry || function->is_declaration) continue;
    auto kernel = std::make_unique<Kernel>();
    kernel->module = this;
    kernel->function = function.get();
    kernel->name = std::string(function->name);
    lay_out(*kernel);
    kernels_.emplace(kernel->name, std::move(kernel));
  }
}

void Module::place_variables() {
  for (const ptx::Variable& declared : text_->variables) {
    if (declared.space != ptx::Space::global && declared.space != ptx::Space::constant) continue;
    const size_t bytes = std::max<size_t>(declared.bytes, 1);
    Variable variable{Arena::instance().allocate_constant(bytes, std::max(declared.alignment, 16u)),
                      declared.bytes};
    if (!variable.address) throw std::runtime_error("no room for the variable " + std::string(declared.name));
    variables_.emplace(std::string(declared.name), variable);
  }
  for (const ptx::Variable& declared : text_->variables) {
    const auto found = variables_.find(declared.name);
    if (found == variables_.end()) continue;
    std::byte* const at = found->second.address;
    std::memset(at, 0, declared.bytes);
    for (size_t i = 0; i < declared.initial.size(); ++i) {
      uint64_t value = declared.initial[i].value;
      if (!declared.initial[i].symbol.empty()) {
        const Variable* other = variable(declared.initial[i].symbol);
        if (!other)
          throw std::runtime_error("a variable begins with the unknown " +
                                   std::string(declared.initial[i].symbol));
        value += reinterpret_cast<uint64_t>(other->address);
      }
      std::memcpy(at + i * declared.element_bytes, &value, declared.element_bytes);
    }
  }
}

// Shared memory: the variables in the order of the source, then what the launch adds.
void Module::lay_out(Kernel& kernel) {
  const ptx::Function& function = *kernel.function;
  for (uint32_t index = 0; index < function.parameters; ++index) {
    const ptx::Variable& parameter = function.variables[index];
    kernel.parameter_bytes = rounded_up(kernel.parameter_bytes, std::max(parameter.alignment, 1u));
    kernel.parameter_offsets.push_back(kernel.parameter_bytes);
    kernel.parameter_sizes.push_back(static_cast<uint32_t>(parameter.bytes));
    kernel.parameter_bytes += static_cast<uint32_t>(parameter.bytes);
  }
  kernel.parameters = Arena::instance().allocate_constant(std::max(kernel.parameter_bytes, 1u), 16);
  uint32_t used = 0;
  const auto place = [&](const ptx::Variable& variable) {
    const auto bytes = static_cast<uint32_t>(variable.bytes);
    kernel.static_shared_bytes = rounded_up(kernel.static_shared_bytes, variable.alignment) + bytes;
    used = rounded_up(used, variable.alignment);
    kernel.shared.push_back({variable.name, used, bytes});
    used += bytes;
    kernel.shared_gaps.push_back(used);
    used += Kernel::kSharedGap;
  };
  for (const ptx::Variable& variable : function.variables) {
    if (variable.space == ptx::Space::shared) place(variable);
    if (variable.space == ptx::Space::local) kernel.local_bytes += static_cast<uint32_t>(variable.bytes);
  }
  for (const ptx::Variable& variable : text_->variables) {
    if (variable.space == ptx::Space::shared && !variable.is_extern) place(variable);
  }
  for (const auto& other : text_->functions) {  // variables of functions that may be called
    if (other->is_entry) continue;
    for (const ptx::Variable& variable : other->variables) {
      if (variable.space == ptx::Space::shared) place(variable);
    }
  }
  kernel.laid_out_shared_bytes = used;
  uint32_t alignment = 16;
  for (const ptx::Variable& variable : text_->variables) {
    if (variable.is_extern) alignment = std::max(alignment, variable.alignment);
  }
  kernel.dynamic_shared_offset = rounded_up(used, alignment);
  for (const ptx::Variable& variable : text_->variables) {
    if (variable.is_extern) kernel.shared.push_back({variable.name, kernel.dynamic_shared_offset, 0});
  }
}

const Kernel* Module::find(std::string_view kernel) const {
  const auto found = kernels_.find(kernel);
  return found == kernels_.end() ? nullptr : found->second.get();
}

const Module::Variable* Module::variable(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? nullptr : &found->second;
}

Program& Kernel::program() const {
  if (!program_) {
    auto decoded = std::make_unique<Program>();
    Decoder(*this, *decoded).decode();
    program_ = std::move(decoded);
  }
  return *program_;
}

std::string Kernel::describe(uint32_t pc) const {
  const Program& decoded = program();
  if (pc >= decoded.places.size()) return "an unknown place";
  const std::string place = module->text().describe(decoded.places[pc]);
  return place.empty() ? "'" + decoded.texts[pc] + "'" : place;
}

std::shared_ptr<Module> load_module(std::string ptx) {
  return std::make_shared<Module>(std::move(ptx));
}

const Kernel* find_kernel(const Module& module, std::string_view name) {
  return module.find(name);
}

void* find_variable(Module& module, std::string_view name, size_t* bytes) {
  const Module::Variable* found = module.variable(name);
  if (!found) return nullptr;
  if (bytes) *bytes = found->bytes;
  return found->address;
}

KernelTraits traits_of(const Kernel& kernel) {
  KernelTraits traits;
  traits.name = kernel.name;
  traits.parameter_bytes = kernel.parameter_bytes;
  traits.parameter_offsets = kernel.parameter_offsets;
  traits.parameter_sizes = kernel.parameter_sizes;
  traits.static_shared_bytes = kernel.static_shared_bytes;
  traits.local_bytes = kernel.local_bytes;
  traits.registers = 32;  // PTX has as many as it likes
  traits.max_threads = static_cast<int>(kernel.function->max_threads);
  traits.target = kernel.module->text().target;
  return traits;
}

}  // namespace quern::emulator
