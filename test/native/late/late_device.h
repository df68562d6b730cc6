// A device for tests that works as a graphics processor does: steps are recorded, launched, and done by
// somebody else while the host goes on. The arithmetic is another device's. It makes of every mistake that
// such a device would forgive on a good day a wrong result: see late_stream.cc.
#pragma once
#include <memory>

#include "backend/backend.h"

namespace quern::late {

struct Knobs {
  int depth = 1;         // steps in flight beside the one that is collected
  int most_delay = 0;    // microseconds before a step, up to that many by chance
  int pace = 0;          // microseconds before every operation
  int failing_step = 0;  // the number of a step that fails in the middle; 0: none
  int lost_step = 0;     // the number of the step with which the device fails for good; 0: none
  // QUERN_LATE_DEPTH, QUERN_LATE_DELAY, QUERN_LATE_PACE, QUERN_LATE_FAILS, QUERN_LATE_LOST
  static Knobs from_environment();
};

std::unique_ptr<Device> create_late_device(std::unique_ptr<Device> inner, const Knobs& knobs);

}  // namespace quern::late
