#pragma once
#include <napi.h>

#include <functional>

namespace quern {

// Runs a function on the JavaScript thread when another thread asks for it. Unlike node-addon-api's
// ThreadSafeFunction it survives the teardown of an environment: calls that arrive when JavaScript can no
// longer run are dropped, not thrown. A copyable handle; the function lives until release() and its last
// call.
class Wakeup {
 public:
  Wakeup() = default;
  // On the JavaScript thread. It keeps the process alive until unref().
  Wakeup(Napi::Env env, const char* name, std::function<void(Napi::Env)> function);

  void call() const;                // any thread; never waits
  void ref(Napi::Env env) const;    // the JavaScript thread
  void unref(Napi::Env env) const;  // the JavaScript thread
  void release() const;             // any thread, once: no call after it

 private:
  napi_threadsafe_function handle_ = nullptr;
};

}  // namespace quern
