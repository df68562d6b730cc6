#pragma once
#include <functional>
#include <mutex>
#include <utility>

#include "engine/rows.h"

namespace quern {

// Results on their way to JavaScript. However much arrives while its event loop is busy, at most one wake-up
// is pending; the reader then takes everything. What can pile up is bounded by each request's unread tokens
// (Scheduler).
class Outbox {
 public:
  // `wake` is called from the engine thread and must lead to a take().
  explicit Outbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void put(Rows& rows) {
    if (rows.empty()) return;
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = rows_.empty();
      rows_.append(std::move(rows));
    }
    rows = {};
    if (first) wake_();
  }

  Rows take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(rows_, {});
  }

 private:
  std::function<void()> wake_;
  std::mutex mutex_;
  Rows rows_;
};

}  // namespace quern
