// A kernel as the interpreter runs it: instructions whose operands are places in memory, and functions that
// take these operands for a whole warp.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "emulator/launch.h"
#include "emulator/ptx.h"

namespace quern::emulator {

struct Warp;
struct Instruction;

// Does an instruction for the lanes given (bit by lane; never none).
using Handler = void (*)(Warp& warp, const Instruction& instruction, uint32_t lanes);

// An operand: which memory it lies in (the two highest bits) and where. There, 32 values of 2, 4 or 8 bytes
// lie side by side, one a lane; a predicate is 32 bits.
using Place = uint32_t;
enum Memory : uint32_t { kRegisters = 0, kConstants = 1, kOfBlock = 2, kOfWarp = 3 };
constexpr Place place_in(Memory memory, uint32_t offset) {
  return static_cast<uint32_t>(memory) << 30 | offset;
}
constexpr Place kNowhere = ~0u;

// What happens to the flow of a warp at an instruction.
enum class Flow : uint8_t {
  next,      // the handler, then the next one
  fallible,  // as next, where the handler may stop the launch or hand the processor to other warps
  branch,    // to `target`
  table,     // to one of a list, by a
  exit,      // of the thread
  ret,       // of the function
  call,      // of `target`, an index of Program::functions
  collect,   // the handler, once the lanes of the mask c have come
  barrier,   // of the block
};

struct Instruction {
  Handler run = nullptr;
  Place d = 0, a = 0, b = 0, c = 0, e = 0;
  Place guard = kNowhere;      // a predicate
  Place predicate = kNowhere;  // a second result
  uint32_t target = 0;         // where a branch goes
  uint32_t list = 0;           // in Program::lists: the parts of a vector
  int64_t offset = 0;          // of an address
  Flow flow = Flow::next;
  bool guard_is_negated = false;
  uint8_t space = 0;  // memory.h
  uint8_t kind = 0;   // what a handler that serves several forms needs to know
  uint32_t bytes = 0;
};

// Instruction::kind and ::space of a barrier.
enum BarrierKind : uint8_t { kBarrierSync, kBarrierArrive, kBarrierRed };
enum Reduction : uint8_t { kReducePopc, kReduceAnd, kReduceOr };

struct FunctionCode {
  uint32_t begin = 0;           // of its instructions
  uint32_t register_bytes = 0;  // of a warp
  uint32_t local_bytes = 0;     // of a lane: its variables, and its parameters and results
  struct Slot {
    uint32_t offset = 0, bytes = 0;  // in local_bytes
  };
  std::vector<Slot> results, parameters;
};

// What a call hands over: slots of the caller's local memory.
struct CallSite {
  std::vector<FunctionCode::Slot> results, parameters;
};

struct Program {
  std::vector<Instruction> code;
  std::vector<uint32_t> places;         // in ptx::Text::places, of each instruction
  std::vector<std::string> texts;       // of each instruction
  std::vector<FunctionCode> functions;  // the first is the kernel
  std::vector<CallSite> calls;
  std::vector<uint32_t> lists;
  std::vector<std::byte> constants;
  std::byte* parameters = nullptr;  // where the running launch's lie
  bool has_calls = false;
};

// Special registers: planes that the launch fills before a block or a warp runs.
namespace special {
enum OfBlock : uint32_t {
  ntid_x,
  ntid_y,
  ntid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  dynamic_smem_size,
  total_smem_size,
  nwarpid,
  of_block_count
};
enum OfWarp : uint32_t {
  tid_x,
  tid_y,
  tid_z,
  laneid,
  warpid,
  lanemask_eq,
  lanemask_lt,
  lanemask_le,
  lanemask_gt,
  lanemask_ge,
  of_warp_count
};
}  // namespace special

class Kernel {
 public:
  Module* module = nullptr;
  const ptx::Function* function = nullptr;
  std::string name;
  std::vector<uint32_t> parameter_offsets, parameter_sizes;
  uint32_t parameter_bytes = 0, static_shared_bytes = 0, local_bytes = 0;
  // Between shared variables lie gaps, so that who leaves one does not come into the next.
  static constexpr uint32_t kSharedGap = 64;
  std::vector<uint32_t> shared_gaps;   // where they begin
  uint32_t laid_out_shared_bytes = 0;  // of variables and gaps
  uint32_t dynamic_shared_offset = 0;  // where what a launch asks for begins
  // The shared variables that it may use.
  struct Shared {
    std::string_view name;
    uint32_t offset = 0, bytes = 0;
  };
  std::vector<Shared> shared;
  std::byte* parameters = nullptr;

  // Decoded when it is first run. Throws std::runtime_error that quotes what is not supported.
  Program& program() const;
  // "file.cu:line" of an instruction; its own words, where no line is known.
  std::string describe(uint32_t pc) const;

 private:
  mutable std::unique_ptr<Program> program_;
};

class Module {
 public:
  explicit Module(std::string source);
  const Kernel* find(std::string_view kernel) const;
  struct Variable {
    std::byte* address = nullptr;
    size_t bytes = 0;
  };
  const Variable* variable(std::string_view name) const;
  const ptx::Text& text() const { return *text_; }

 private:
  void place_variables();
  void lay_out(Kernel& kernel);
  std::unique_ptr<ptx::Text> text_;
  std::map<std::string, std::unique_ptr<Kernel>, std::less<>> kernels_;
  std::map<std::string, Variable, std::less<>> variables_;
};

}  // namespace quern::emulator
