#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/format.h"
#include "model/config.h"

namespace quern {

// Rows of a tensor in a file that are neighbours in a weight: the tensor's rows first, first + stride,
// first + 2 * stride ..., `count` of them, each as wide as the weight's.
struct WeightPart {
  const Format* format = nullptr;
  int file = 0;         // index into ModelPlan::files
  uint64_t offset = 0;  // of the tensor's row 0, in bytes
  int64_t first = 0, count = 0, stride = 1;
};

// Where a weight's numbers come from.
struct WeightSource {
  enum class Kind { parts, random, constant } kind = Kind::constant;
  std::vector<WeightPart> parts;  // one below the other, as many rows as the weight has
  float value = 0;                // random: uniform in [-value, value]; constant: the number
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

// All that is needed to load a model: what lib/checkpoint/plan-text.ts writes.
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
