#include "emulator/happens_before.h"

#include <algorithm>
#include <unordered_set>

namespace quern::emulator {

void HappensBefore::begin_launch() {
  first_block_ = block_ + 1;
  newest_.clear();
  acquisitions_.clear();
  publications_.clear();
}

void HappensBefore::begin_count() {
  block_ = 0;
  begin_launch();
}

void HappensBefore::begin_block(int warps) {
  block_++;
  warps_ = warps;
  clocks_.fill(1);
  known_.fill({});
  settled_.fill(0);
  acquisitions_.clear();
  if (!has_fences_) return;
  has_fences_ = false;
  fences_.fill({});
  rows_.fill({});
  barriers_.fill(0);
}

void HappensBefore::block_barrier(uint64_t warps) {
  Row joined = {};
  for (size_t warp = 0; warp < 32; warp++) {
    if (!(warps >> warp & 1)) continue;
    for (size_t other = 0; other < 32; other++) joined[other] = std::max(joined[other], known_[warp][other]);
    joined[warp] = std::max(joined[warp], clocks_[warp]);
  }
  for (size_t warp = 0; warp < 32; warp++) {
    if (!(warps >> warp & 1)) continue;
    known_[warp] = joined;
    clocks_[warp]++;
    if (!has_fences_) continue;
    rows_[warp][++barriers_[warp] % kRemembered] = joined;
    for (size_t lane = 0; lane < 32; lane++) {
      Fence& fence = fences_[warp * 32 + lane];
      fence.clock_at_barrier = fence.clock;
    }
  }
  settled_ = known_[0];
  for (size_t warp = 1; warp < size_t(warps_); warp++) {
    for (size_t other = 0; other < 32; other++)
      settled_[other] = std::min(settled_[other], known_[warp][other]);
  }
}

void HappensBefore::warp_barrier(int warp) {
  known_[size_t(warp)][size_t(warp)] = clocks_[size_t(warp)]++;
  if (has_fences_) rows_[size_t(warp)][barriers_[size_t(warp)] % kRemembered] = known_[size_t(warp)];
}

void HappensBefore::fence(int warp, uint32_t lanes) {
  const auto of = size_t(warp);
  if (!has_fences_) {
    has_fences_ = true;
    for (size_t any = 0; any < 32; any++) rows_[any][0] = known_[any];
  }
  for (size_t lane = 0; lane < 32; lane++) {
    if (!(lanes >> lane & 1)) continue;
    fences_[of * 32 + lane].clock = clocks_[of];
    fences_[of * 32 + lane].barrier = barriers_[of];
  }
  clocks_[of]++;
}

void HappensBefore::synchronize(int thread, uint64_t address, bool acquires, bool releases) {
  const auto warp = size_t(thread >> 5);
  const auto found = newest_.find(address);
  if (acquires && found != newest_.end()) {
    const bool is_known = std::any_of(
        acquisitions_.begin(), acquisitions_.end(),
        [&](const Acquisition& one) { return one.what == found->second && is_known_to(thread, one); });
    if (!is_known) acquisitions_.push_back({found->second, thread, clocks_[warp]++});
  }
  if (releases && fences_[size_t(thread)].clock > 0) publish(thread, address);
}

// The newest clock of a thread of this block whose accesses were made visible before `publisher` publishes:
// by that thread's own fence, if that is ordered before now, or by the publisher's, which covers what was
// ordered before it.
uint32_t HappensBefore::published_clock(int publisher, int thread) const {
  const auto from = size_t(publisher >> 5), of = size_t(thread >> 5);
  const Fence& own = fences_[size_t(publisher)];
  if (thread == publisher) return own.clock;
  const Fence& its = fences_[size_t(thread)];
  const uint32_t known = known_[from][of];
  const uint32_t fenced = its.clock <= known              ? its.clock
                          : its.clock_at_barrier <= known ? its.clock_at_barrier
                                                          : 0;
  const bool is_remembered = barriers_[from] - own.barrier < kRemembered;
  const uint32_t covered = is_remembered ? rows_[from][own.barrier % kRemembered][of] : 0;
  return std::max(fenced, covered);
}

void HappensBefore::publish(int thread, uint64_t address) {
  auto publication = std::make_unique<Publication>();
  publication->block = block_;
  for (int other = 0; other < warps_ * 32; other++) {
    publication->clocks.push_back(published_clock(thread, other));
  }
  const Publication*& newest = newest_[address];
  if (newest) publication->before.push_back(newest);
  for (const Acquisition& acquired : acquisitions_) {
    if (acquired.what != newest && is_known_to(thread, acquired))
      publication->before.push_back(acquired.what);
  }
  newest = publication.get();
  publications_.push_back(std::move(publication));
}

bool HappensBefore::is_known_to(int thread, const Acquisition& acquisition) const {
  return acquisition.thread == thread ||
         acquisition.clock <= known_[size_t(thread >> 5)][size_t(acquisition.thread >> 5)];
}

bool HappensBefore::is_published(AccessRecord record, int thread) const {
  for (const Acquisition& acquisition : acquisitions_) {
    if (!is_known_to(thread, acquisition)) continue;
    if (acquisition.by_block.empty()) {
      std::unordered_set<const Publication*> seen = {acquisition.what};
      std::vector<const Publication*> open = {acquisition.what};
      while (!open.empty()) {
        const Publication* one = open.back();
        open.pop_back();
        acquisition.by_block[one->block].push_back(one);
        for (const Publication* before : one->before) {
          if (seen.insert(before).second) open.push_back(before);
        }
      }
    }
    const auto found = acquisition.by_block.find(record.block());
    if (found == acquisition.by_block.end()) continue;
    for (const Publication* one : found->second) {
      const auto of = size_t(record.thread());
      if (of < one->clocks.size() && record.clock() <= one->clocks[of]) return true;
    }
  }
  return false;
}

}  // namespace quern::emulator
