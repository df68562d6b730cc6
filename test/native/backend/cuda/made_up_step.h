// A made-up step in the device's memory: sequences with pages in no order, among pages that nobody has.
#pragma once
#include <vector>

#include "backend/cuda/device_array.h"
#include "backend/cuda/kernels/step.h"
#include "numbers.h"

namespace quern::test {

class MadeUpStep {
 public:
  struct Sequence {
    int rows = 1, first_position = 0;
  };
  static constexpr int kGroups = 2;

  MadeUpStep(std::vector<Sequence> sequences, int vocab, Random& random)
      : MadeUpStep(Host(sequences, vocab, random)) {}

  const cuda::StepTables& tables() const { return tables_; }
  int rows() const { return tables_.rows; }
  int pages() const { return host_.pages; }
  int token(int row) const { return host_.true_tokens[size_t(row)]; }
  int position(int row) const { return host_.positions[size_t(row)]; }
  int sequence(int row) const { return host_.sequence_of[size_t(row)]; }
  int page(int group, int row, int position) const {
    const size_t at = size_t(group) * host_.spans.size() + size_t(sequence(row));
    return host_.table[size_t(host_.starts[at] + position / cuda::kPagePositions)];
  }

 private:
  struct Host {
    Host(const std::vector<Sequence>& sequences, int vocab, Random& random) {
      for (const Sequence& sequence : sequences) {
        spans.push_back({int(positions.size()), sequence.rows, sequence.first_position});
        for (int i = 0; i < sequence.rows; ++i) {
          positions.push_back(sequence.first_position + i);
          sequence_of.push_back(int(spans.size()) - 1);
          true_tokens.push_back(random.below(vocab));
        }
      }
      tokens = true_tokens;
      drawn.assign(tokens.size() + 3, -1);
      for (size_t row = 0; row < tokens.size(); row += 2) {  // every other one was drawn by the step before
        const size_t slot = drawn.size() - 1 - row;
        drawn[slot] = true_tokens[row];
        tokens[row] = -1 - int(slot);
      }
      for (int group = 0; group < kGroups; ++group) {
        for (const Sequence& sequence : sequences) {
          starts.push_back(int(table.size()));
          const int length = sequence.first_position + sequence.rows;
          for (int at = 0; at < length; at += cuda::kPagePositions) table.push_back(pages++);
        }
      }
      random.shuffle(table);
      pages += 2;
    }
    std::vector<cuda::SequenceSpan> spans;
    std::vector<int32_t> tokens, true_tokens, drawn, sequence_of, positions, starts, table;
    int pages = 0;
  };

  explicit MadeUpStep(Host host)
      : host_(std::move(host)),
        tokens_(host_.tokens),
        drawn_(host_.drawn),
        sequence_of_(host_.sequence_of),
        positions_(host_.positions),
        starts_(host_.starts),
        table_(host_.table),
        spans_(host_.spans),
        tables_{int(host_.tokens.size()),
                int(host_.spans.size()),
                tokens_.data(),
                drawn_.data(),
                sequence_of_.data(),
                positions_.data(),
                spans_.data(),
                starts_.data(),
                table_.data()} {}

  Host host_;
  DeviceArray<int32_t> tokens_, drawn_, sequence_of_, positions_, starts_, table_;
  DeviceArray<cuda::SequenceSpan> spans_;
  cuda::StepTables tables_;
};

}  // namespace quern::test
