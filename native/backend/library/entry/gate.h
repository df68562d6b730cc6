// Every call of the process goes into the library through here. A device's runtime ends when the process
// calls exit(), while other threads still compute, and must not be asked from then on. So before that the
// gate is closed, once the runtime has begun: exit() waits two seconds at most for the calls that are inside,
// and who comes later never returns; his thread ends with the process.
#pragma once
#include "backend/library/wire.h"

namespace quern::gate {

// Once the device's runtime is there: handlers of exit() run in the reverse of the order that they were
// registered in, so that this one comes first.
void watch_exit();

// As long as one lives the gate is open, or exit() waits.
class Passage {
 public:
  Passage();
  ~Passage();
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;

  // False for the thread that ends the process: it must go on, without the device.
  bool is_open() const { return is_open_; }

 private:
  bool is_open_;
};

// Runs what may throw where no exception may leave, and asks the device for something.
template <typename Body>
QuernStatus pass(QuernFailure* failure, const Body& body) noexcept {
  return wire::guarded(failure, [&] {
    const Passage passage;
    if (!passage.is_open()) throw Error("closed", "the process ends");
    body();
  });
}

// Gives something of the device back, if there still is one.
template <typename T>
void give_back(T* owned) noexcept {
  const Passage passage;
  if (passage.is_open()) delete owned;
}

}  // namespace quern::gate
