#include "backend/library/host.h"

#include <deque>
#include <mutex>

#include "backend/library/wire.h"
#include "core/thread_pool.h"

namespace quern {

namespace {

int32_t parallel_for(int32_t items, int32_t threads, const QuernFlag* abort, QuernWork work,
                     const void* context) {
  static const std::atomic<bool> never{false};
  try {
    const auto& flag = abort ? *wire::flag(abort) : never;
    const bool done = ThreadPool::instance().run(items, threads, flag,
                                                 [&](int item, int thread) { work(context, item, thread); });
    return done ? 1 : 0;
  } catch (...) {
    return -1;
  }
}

int32_t is_set(const QuernFlag* flag) {
  return flag && wire::flag(flag)->load(std::memory_order_relaxed);
}

struct Log {
  static constexpr size_t kMostLines = 100;
  std::mutex mutex;
  std::deque<std::string> lines;
};
Log& the_log() {
  static auto* const one = new Log;  // never destroyed: a library's threads may outlive other statics
  return *one;
}

void log(const char* line) {
  Log& to = the_log();
  try {
    const std::lock_guard lock(to.mutex);
    to.lines.emplace_back(line);
    if (to.lines.size() > Log::kMostLines) to.lines.pop_front();
  } catch (...) {  // a line less
  }
}

}  // namespace

const QuernHost& library_host() {
  static const QuernHost host{parallel_for, is_set, log};
  return host;
}

std::vector<std::string> library_log() {
  Log& from = the_log();
  const std::lock_guard lock(from.mutex);
  return {from.lines.begin(), from.lines.end()};
}

}  // namespace quern
