#pragma once
#include <napi.h>

#include <functional>
#include <memory>

namespace quern {

// Runs a function on the JavaScript thread when another thread asks for it. Unlike node-addon-api's
// ThreadSafeFunction it survives the end of an environment, which may come at any moment in a worker: calls
// that arrive when JavaScript can no longer run are dropped, and threads may call long after. A copyable
// handle; the function lives until release() and its last call, or until the environment ends.
class Wakeup {
 public:
  Wakeup() = default;
  // On the JavaScript thread. It keeps the process alive until unref().
  Wakeup(Napi::Env env, const char* name, std::function<void(Napi::Env)> function);

  void call() const;                // any thread; never waits for JavaScript
  void ref(Napi::Env env) const;    // the JavaScript thread
  void unref(Napi::Env env) const;  // the JavaScript thread
  void release() const;             // any thread; no call after it

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace quern
