#pragma once

#include <cstdint>
#include <unordered_map>

#include "engine/scheduler.h"

namespace quern {

// The requests whose end JavaScript has not seen yet. Those that go on keep the process alive. One whose
// reader sleeps is paused: it waits for somebody whom something else keeps alive, or for nobody at all.
class RunningRequests {
 public:
  void began(uint32_t request) {
    unread_[request] = 0;
    ++awake_;
  }

  // JavaScript was given so many tokens more; below 0: it has read them.
  void given(uint32_t request, int32_t tokens) {
    const auto found = unread_.find(request);
    if (found == unread_.end()) return;
    awake_ -= is_awake(found->second);
    found->second += tokens;
    awake_ += is_awake(found->second);
  }

  void ended(uint32_t request) {
    const auto found = unread_.find(request);
    if (found == unread_.end()) return;
    awake_ -= is_awake(found->second);
    unread_.erase(found);
  }

  bool any_awake() const { return awake_ > 0; }

 private:
  static bool is_awake(int32_t unread) { return unread < kMostUnread; }

  std::unordered_map<uint32_t, int32_t> unread_;
  int awake_ = 0;
};

}  // namespace quern
