#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/format.h"
#include "model/config.h"

namespace quern {

// Where a weight's numbers come from.
struct WeightSource {
  enum class Kind { file, random, constant } kind = Kind::constant;
  int file = 0;         // index into ModelPlan::files
  uint64_t offset = 0;  // of the first number, in bytes
  float value = 0;      // random: uniform in [-value, value]; constant: the number
};

struct PlannedWeight {
  std::string slot;  // as in lib/checkpoint/plan.ts
  const Format* format = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  WeightSource source;
};

struct PlannedFile {
  uint64_t bytes = 0;
  std::string path;
};

// All that is needed to load a model: what lib/checkpoint/plan.ts writes as text.
struct ModelPlan {
  DecoderConfig config;
  std::vector<PlannedFile> files;
  std::vector<PlannedWeight> weights;
  uint64_t seed = 0;
};

// Parses a plan and checks every number of it again, whoever wrote it: throws Error invalid_plan that names
// the line.
ModelPlan parse_plan(std::string_view text);

}  // namespace quern
