#pragma once
#include <string>
#include <string_view>

namespace quern::cuda {

// Compute capabilities as nvcc spells them, with commas between: "80,90a".
struct CompiledCode {
  std::string_view architectures;  // code is there for these
  std::string_view ptx;            // and this, which the driver compiles for others
};

// Of this library.
CompiledCode compiled_code();

// What a GPU of this compute capability runs of it: "sm_90a", "compute_80"; empty: nothing.
std::string code_for(int major, int minor, const CompiledCode& code);

}  // namespace quern::cuda
