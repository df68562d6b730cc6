#pragma once
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/library/abi.h"

namespace quern {

// A stream with what its calls are made of, on the library's side.
struct EntryStream {
  explicit EntryStream(std::unique_ptr<Stream> of) : stream(std::move(of)) {}

  const std::unique_ptr<Stream> stream;

  // What came of the step that was collected last.
  StepResult result;
  std::vector<QuernSampled> sampled;
  std::vector<QuernScored> scored;
  std::vector<QuernTokenLogprob> likeliest;

  // Kept for their memory.
  std::vector<Angles> ropes;
  std::vector<SequenceRows> sequences;
  std::vector<SamplingOptions> options;
  std::vector<SampleParams> samples;
  std::vector<ScoreParams> scores;
  std::vector<Copy> copies;
};

SamplingOptions sampling_options(const QuernSampling& options);

// Fills in what a library has of streams.
void export_streams(QuernLibrary& library);

}  // namespace quern
