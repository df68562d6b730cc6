// In a library ThreadPool is the process's pool: what stands here takes the place of core/thread_pool.cc.
#include <new>

#include "backend/library/entry/entry.h"
#include "backend/library/wire.h"
#include "core/thread_pool.h"

namespace quern {

ThreadPool& ThreadPool::instance() {
  static auto* const pool = new ThreadPool;
  return *pool;
}

bool ThreadPool::run(int items, int threads, const std::atomic<bool>& abort, WorkItem work) {
  const auto call = [](const void* context, int32_t item, int32_t thread) {
    (*static_cast<const WorkItem*>(context))(item, thread);
  };
  const int32_t done = host().parallel_for(items, threads, wire::flag(&abort), call, &work);
  if (done < 0) throw std::bad_alloc();
  return done == 1;
}

}  // namespace quern
