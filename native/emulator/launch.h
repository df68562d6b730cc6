// A kernel and its launch, as the runtime hands them to the interpreter.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quern::emulator {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
};

class Kernel;  // parsed, decoded, ready to run
class Module;  // of one PTX text

// Throws std::runtime_error that quotes what it cannot read.
std::shared_ptr<Module> load_module(std::string ptx);
const Kernel* find_kernel(const Module& module, std::string_view name);  // null: none
// A __device__ or __constant__ variable of the module; null: none.
void* find_variable(Module& module, std::string_view name, size_t* bytes);

struct KernelTraits {
  std::string_view name;
  uint32_t parameter_bytes = 0;
  std::span<const uint32_t> parameter_offsets, parameter_sizes;
  uint32_t static_shared_bytes = 0, local_bytes = 0;
  int registers = 0, max_threads = 1024;  // of .maxntid
  int target = 0;                         // the architecture that its PTX is for
};
KernelTraits traits_of(const Kernel& kernel);

struct LaunchShape {
  Dim3 grid, block;
  uint32_t dynamic_shared_bytes = 0;
};
// Kernels each of which may begin before the one in front has ended (programmatic dependent launch), and the
// one that they follow. What any kernel has written since that one began may still be on its way.
struct Chain {
  uint32_t first_block = 0;  // of the first kernel, as the checker counts; 0: there is none yet
};
// Runs all blocks. What goes wrong is reported (report.h); it returns false then. `chain`: of a kernel that
// may begin before the one in front has ended; null: all that came before is done.
bool run(const Kernel& kernel, const LaunchShape& shape, const std::byte* parameters,
         const Chain* chain = nullptr);

// In which order things happen that a program may not rely on. From QUERN_EMULATOR_ORDER
// (ascending | descending | random:<seed>) and QUERN_EMULATOR_ASYNC (late | early).
struct Order {
  enum class Kind { ascending, descending, random } kind = Kind::ascending;
  uint64_t seed = 0;
  bool async_is_late = true;
};
void set_order(const Order& order);
// Without checks a kernel runs faster, and little of what it does wrong is seen. From QUERN_EMULATOR_CHECK
// (all | bounds | none).
void set_checked(bool is_checked);

}  // namespace quern::emulator
