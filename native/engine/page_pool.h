#pragma once
#include <cstdint>
#include <vector>

namespace quern {

// Which pages of the KV cache are free. The most recently freed page is given out first: it is committed
// memory already.
class PagePool {
 public:
  explicit PagePool(int64_t pages);

  int64_t total() const { return total_; }
  int64_t free() const { return total_ - in_use_; }
  int64_t in_use() const { return in_use_; }

  // Adds `count` pages to `pages`, or none: then returns false.
  bool take(int64_t count, std::vector<int32_t>& pages);
  void give_back(int32_t page);

 private:
  int64_t total_;
  int64_t in_use_ = 0;
  int64_t untouched_ = 0;       // pages from here on were never given out
  std::vector<int32_t> freed_;  // last in, first out
};

}  // namespace quern
