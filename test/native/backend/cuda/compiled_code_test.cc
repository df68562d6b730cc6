// Which code of a library a GPU runs.
#include "backend/cuda/compiled_code.h"

#include "check.h"

namespace quern::cuda {
namespace {

TEST(of_what_is_shipped) {
  const CompiledCode shipped{"80,86,89,90a,100,120", "80"};
  const struct {
    int major, minor;
    const char* code;
  } table[] = {{8, 0, "sm_80"},       {8, 6, "sm_86"},   {8, 7, "sm_86"},   {8, 9, "sm_89"},
               {9, 0, "sm_90a"},      {10, 0, "sm_100"}, {10, 3, "sm_100"}, {12, 1, "sm_120"},
               {11, 0, "compute_80"}, {7, 5, ""}};
  for (const auto& [major, minor, code] : table) CHECK_EQ(code_for(major, minor, shipped), code);
}

TEST(no_other_than_was_compiled) {
  const CompiledCode two{"80,90a", "80,90a"};
  CHECK_EQ(code_for(8, 6, two), "sm_80");
  CHECK_EQ(code_for(8, 9, two), "sm_80");
  CHECK_EQ(code_for(9, 0, two), "sm_90a");
  CHECK_EQ(code_for(10, 0, two), "compute_80");
  CHECK_EQ(code_for(9, 0, {"80", "80"}), "compute_80");
}

TEST(of_one_gpu_alone) {
  const CompiledCode alone{"90a", ""};
  CHECK_EQ(code_for(9, 0, alone), "sm_90a");
  CHECK_EQ(code_for(8, 0, alone), "");
  CHECK_EQ(code_for(10, 0, alone), "");
  CHECK_EQ(code_for(10, 3, {"100f", ""}), "sm_100f");
  CHECK_EQ(code_for(9, 0, {"90,90a", ""}), "sm_90a");
}

// The computed GPU takes PTX, and says what one of these runs.
TEST(of_this_library) {
  CHECK(!compiled_code().architectures.empty());
  CHECK(compiled_code().architectures.find(';') == std::string_view::npos);
}

}  // namespace
}  // namespace quern::cuda
