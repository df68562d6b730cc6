#pragma once
#include <utility>
#include <vector>

#include "backend/cpu/kernels/kernels.h"
#include "core/memory.h"

namespace quern::cpu {

// What the tokens that are kept must have together.
struct Quota {
  int64_t count = 1;
  double mass = 0;
  double whole = 0;  // the mass of all
  bool met_by(const WeightSum& sum) const { return sum.count >= count && sum.mass >= mass; }
};

// Numbers of a vocabulary by which tokens are ranked, each with a mass from 0 to 1, and the question that
// most filters come down to: how far down must one go for a quota? No sorting of more than a few hundred, no
// reading of the whole more than a few times.
class Ranking {
 public:
  struct Scratch {
    void reserve(int vocab);
    Buffer keys, masses;   // [vocab] float32
    Buffer block_largest;  // [vocab / kBlockNumbers, rounded up] float32
    std::vector<float> thresholds;
    std::vector<std::pair<float, float>> few;
  };

  Ranking(const Kernels& kernels, Scratch& scratch, const float* keys, const float* masses, int64_t count)
      : kernels_(kernels), scratch_(scratch), keys_(keys), masses_(masses), count_(count) {}

  // The largest key such that everything from it upwards meets the quota; `least` if nothing does. Keys below
  // `least` do not count.
  float floor_for(const Quota& quota, float least);

  // A number that at least `count` keys reach, and not many more; `least` where there are not so many.
  float about(int64_t count, float least);

 private:
  struct Range {
    float low, high;            // the answer is in [low, high)
    WeightSum at_low, at_high;  // what lies from there upwards
    int64_t inside() const { return at_low.count - at_high.count; }
  };

  WeightSum above(float floor) const { return kernels_.mass_above({keys_, masses_, count_, floor}); }
  void look_at(Range& range, float floor, const Quota& quota) const;
  void guess(Range& range, const Quota& quota) const;
  void halve(Range& range, const Quota& quota, int64_t until);
  void copy_out(const Range& range);
  float look_through(const Range& range, const Quota& quota) const;

  const Kernels& kernels_;
  Scratch& scratch_;
  const float* keys_;
  const float* masses_;
  int64_t count_;
  bool may_copy_ = true;
  WeightSum beyond_;  // what lies above those that were copied out
};

}  // namespace quern::cpu
