#pragma once
#include "model/config.h"
#include "model/plan_line.h"

namespace quern {

constexpr int kMostVocab = 1 << 24;

// The facts of a plan that are about its decoder, behind their first word. They throw Error invalid_plan.
void read_config(DecoderConfig& config, PlanLine& line);  // NAME VALUE
void read_rope(DecoderConfig& config, PlanLine& line);    // INDEX NAME VALUE...
void read_layers(DecoderConfig& config, PlanLine& line);  // COUNT NAME VALUE NAME VALUE...

// What they say together, once all are read.
void check_config(const DecoderConfig& config, const PlanLine& line);

}  // namespace quern
