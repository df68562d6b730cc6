// The accesses of a warp to memory: addresses, checks and counts, as loads, stores, atomics and copies share
// them.
#pragma once
#include "emulator/checker.h"
#include "emulator/decoder.h"
#include "emulator/warp.h"

namespace quern::emulator {

enum class MemorySpace : uint8_t { generic, global, shared, local, constant };

// What an instruction says of where and how it accesses memory.
struct Manners {
  MemorySpace space = MemorySpace::generic;
  bool is_strong = false;  // volatile, relaxed, acquire, release: races with none of its kind
  bool acquires = false, releases = false;
  bool is_lasting = false;  // .nc: of what nobody writes while the kernel is there
};
// Takes the spaces, cache operators, eviction policies, scopes and orders that an opcode names.
// `space_is_parameter`: set where it is .param.
Manners take_manners(Form& form, bool* space_is_parameter = nullptr);

// Gives the instruction the address of an operand [base + offset].
void fill_address(Form& form, const ptx::Operand& address, MemorySpace space);
// An access to [symbol] whose address no lane changes; null: another.
const std::byte* fixed_address(Form& form, const ptx::Operand& address);

// Instruction::kind of an access
enum AccessKind : uint8_t {
  kAddressIs32Bits = 1,
  kIsStrong = 2,
  kAcquires = 4,
  kReleases = 8,
  kIsLasting = 16
};
uint8_t access_kind(const Manners& manners);

// Where the lanes access memory, as addresses of this process; the lanes whose access must not be done are
// missing in the answer, and the launch ends then.
struct Access {
  uint64_t addresses[kLanes];
  uint32_t lanes = 0;
};
void prepare(Warp& warp, const Instruction& i, uint32_t lanes, uint32_t bytes, bool is_write, bool is_atomic,
             Access& access);
// What prepare() does where the launch is not checked.
void keep_in_arena(Warp& warp, const Instruction& i, uint32_t lanes, uint32_t bytes, Access& access);
// Addresses alone.
void resolve(Warp& warp, const Instruction& i, uint32_t lanes, uint32_t bytes, Access& access);

// For lints: 32-byte sectors of a global access beside those that its bytes need, and the cycles that banks
// of shared memory cost beyond one for each 128 bytes.
void count_global(Counters& counters, const Access& access, uint32_t bytes, bool is_write);
void count_shared(Counters& counters, const Access& access, uint32_t bytes);

}  // namespace quern::emulator
