#include "engine/page_pool.h"

#include <cstddef>

namespace quern {

PagePool::PagePool(int64_t pages) : total_(pages) {
  freed_.reserve(static_cast<size_t>(pages));
}

bool PagePool::take(int64_t count, std::vector<int32_t>& pages) {
  if (count > free()) return false;
  in_use_ += count;
  for (; count > 0; --count) {
    if (freed_.empty()) {
      pages.push_back(static_cast<int32_t>(untouched_++));
    } else {
      pages.push_back(freed_.back());
      freed_.pop_back();
    }
  }
  return true;
}

void PagePool::give_back(int32_t page) {
  --in_use_;
  freed_.push_back(page);
}

}  // namespace quern
