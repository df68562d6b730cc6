#pragma once
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/request.h"

namespace quern {

// Results on their way to JavaScript. However much arrives while its event loop is busy, at most one wake-up
// is pending; the reader then takes everything. What can pile up is bounded by each request's unread tokens
// (Scheduler).
class Outbox {
 public:
  // `wake` is called from the engine thread and must lead to a take().
  explicit Outbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void put(std::vector<StepRow>& rows) {
    if (rows.empty()) return;
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = rows_.empty();
      for (StepRow& row : rows) rows_.push_back(std::move(row));
    }
    rows.clear();
    if (first) wake_();
  }

  std::vector<StepRow> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(rows_, {});
  }

 private:
  std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<StepRow> rows_;
};

}  // namespace quern
