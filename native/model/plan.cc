#include "model/plan.h"

#include <charconv>
#include <limits>

#include "core/error.h"
#include "model/plan_config.h"
#include "model/plan_line.h"

namespace quern {

namespace {

Dtype dtype_named(std::string_view name, const PlanLine& line) {
  if (const auto dtype = quern::dtype_named(name)) return *dtype;
  std::string known;
  for (const Dtype dtype : kDtypes) known += std::string(name_of(dtype)) + ", ";
  line.fail("expected one of " + known + "got '" + std::string(name) + "'");
}

std::string percent_decoded(std::string_view text, const PlanLine& line) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned byte = 0;
    const auto [end, error] =
        std::from_chars(text.data() + i + 1, text.data() + std::min(i + 3, text.size()), byte, 16);
    if (error != std::errc{} || end != text.data() + i + 3 || byte == 0)
      line.fail("a path with a broken % escape");
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

void read_file(ModelPlan& plan, PlanLine& line) {
  constexpr uint64_t kMostBytes = std::numeric_limits<int64_t>::max();
  if (line.number<size_t>("file index", 0, 1 << 16) != plan.files.size())
    line.fail("files must be numbered in order");
  const auto bytes = line.number<uint64_t>("file size", 0, kMostBytes);
  plan.files.push_back({bytes, percent_decoded(line.word("path"), line)});
}

constexpr int64_t kMostRows = int64_t{1} << 31;  // of a tensor that weights have rows of

// FILE OFFSET, behind the rows that it is about.
void read_place(const ModelPlan& plan, PlannedWeight& weight, WeightPart part, PlanLine& line) {
  part.file = line.number<int>("file", 0, static_cast<int>(plan.files.size()) - 1);
  const uint64_t size = plan.files[static_cast<size_t>(part.file)].bytes;
  part.offset = line.number<uint64_t>("offset", 0, size);
  const auto last = static_cast<uint64_t>(part.first + (part.count - 1) * part.stride);  // < 2^56
  const auto row_bytes = static_cast<uint64_t>(part.format->row_bytes(weight.cols));
  if (last >= (size - part.offset) / row_bytes)
    line.fail("weight " + weight.slot + " ends behind the end of its file");
  weight.source.parts.push_back(part);
}

void read_weight(ModelPlan& plan, PlanLine& line) {
  PlannedWeight weight;
  weight.slot = line.word("slot");
  weight.format = &format_of(dtype_named(line.word("dtype"), line));
  weight.rows = line.number<int64_t>("rows", 1, kMostVocab);
  weight.cols = line.number<int64_t>("cols", 1, kMostVocab);
  const std::string_view kind = line.word("source");
  if (kind == "random" || kind == "constant") {
    weight.source.kind = kind == "random" ? WeightSource::Kind::random : WeightSource::Kind::constant;
    weight.source.value = static_cast<float>(line.real("value", -1e6, 1e6));
  } else if (kind == "file" || kind == "parts") {
    weight.source.kind = WeightSource::Kind::parts;
    if (kind == "file") read_place(plan, weight, {.format = weight.format, .count = weight.rows}, line);
  } else {
    line.fail("expected file, parts, random or constant, got '" + std::string(kind) + "'");
  }
  plan.weights.push_back(std::move(weight));
}

// Rows that the last weight still lacks; its parts follow it.
int64_t rows_missing(const ModelPlan& plan) {
  if (plan.weights.empty() || plan.weights.back().source.kind != WeightSource::Kind::parts) return 0;
  int64_t missing = plan.weights.back().rows;
  for (const WeightPart& part : plan.weights.back().source.parts) missing -= part.count;
  return missing;
}

void read_part(ModelPlan& plan, int64_t missing, PlanLine& line) {
  if (missing == 0) line.fail("a part without a weight that lacks rows");
  WeightPart part;
  part.format = &format_of(dtype_named(line.word("dtype"), line));
  part.first = line.number<int64_t>("first row", 0, kMostRows);
  part.count = line.number<int64_t>("rows", 1, missing);
  part.stride = line.number<int64_t>("stride", 1, kMostRows);
  read_place(plan, plan.weights.back(), part, line);
}

}  // namespace

ModelPlan parse_plan(std::string_view text) {
  ModelPlan plan;
  int number = 0;
  bool ended = false;
  int64_t missing = 0;  // rows of the last weight
  while (!text.empty() && !ended) {
    const size_t end = text.find('\n');
    PlanLine line(text.substr(0, end), ++number);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const std::string_view kind = line.word("a fact");
    if (missing > 0 && kind != "part")
      line.fail("weight " + plan.weights.back().slot + " lacks " + std::to_string(missing) + " of its rows");
    if (number == 1) {
      if (kind != "quern-plan" || line.number<int>("version", 0, 1 << 30) != 3)
        line.fail("expected 'quern-plan 3'");
    } else if (kind == "config") {
      read_config(plan.config, line);
    } else if (kind == "rope") {
      read_rope(plan.config, line);
    } else if (kind == "layers") {
      read_layers(plan.config, line);
    } else if (kind == "file") {
      read_file(plan, line);
    } else if (kind == "seed") {
      plan.seed = line.number<uint64_t>("seed", 0, std::numeric_limits<uint64_t>::max());
    } else if (kind == "weight") {
      read_weight(plan, line);
      missing = rows_missing(plan);
    } else if (kind == "part") {
      read_part(plan, missing, line);
      missing -= plan.weights.back().source.parts.back().count;
    } else if (kind == "end") {
      check_config(plan.config, line);
      ended = true;
    } else {
      line.fail("unknown fact '" + std::string(kind) + "'");
    }
    line.end();
  }
  if (!ended) throw Error("invalid_plan", "plan: cut short, the line 'end' is missing");
  return plan;
}

}  // namespace quern
