#include "binding/wakeup.h"

#include <mutex>
#include <utility>

namespace quern {

// Node frees a thread-safe function with its environment, whoever still has the handle. So the handle is
// behind a lock, and gone before that happens.
struct Wakeup::State {
  std::function<void(Napi::Env)> function;  // the JavaScript thread's
  std::mutex mutex;
  napi_threadsafe_function handle = nullptr;  // null: released, or the environment has ended

  void let_go(napi_threadsafe_function_release_mode mode) {
    const std::lock_guard lock(mutex);
    if (handle != nullptr) napi_release_threadsafe_function(std::exchange(handle, nullptr), mode);
  }

  // What JavaScript threw in a callback of ours is an uncaught exception there.
  void run(napi_env env) const {
    try {
      const Napi::HandleScope scope(env);
      function(env);
    } catch (const Napi::Error& error) {
      if (!error.IsEmpty()) napi_fatal_exception(env, error.Value());
    }
  }

  // Registered after the thread-safe function's own hook, so it comes before that.
  static void environment_ends(void* state) { static_cast<State*>(state)->let_go(napi_tsfn_abort); }

  static void call_js(napi_env env, napi_value, void* context, void*) {
    if (env == nullptr) return;  // the environment is gone
    try {
      (*static_cast<std::shared_ptr<State>*>(context))->run(env);
    } catch (...) {
      // Nothing of ours may unwind through Node. Where a worker was terminated in the callback, not even its
      // error can be looked at: there is nothing to say and nobody to hear it.
    }
  }

  static void finalize(napi_env env, void*, void* context) {
    auto* const state = static_cast<std::shared_ptr<State>*>(context);
    napi_remove_env_cleanup_hook(env, environment_ends, state->get());
    (*state)->function = nullptr;  // what it holds belongs to JavaScript; other threads may outlive this
    delete state;
  }
};

Wakeup::Wakeup(Napi::Env env, const char* name, std::function<void(Napi::Env)> function)
    : state_(std::make_shared<State>()) {
  state_->function = std::move(function);
  const auto context = new std::shared_ptr<State>(state_);
  const napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, name), 0, 1, nullptr,
                                      State::finalize, context, State::call_js, &state_->handle);
  if (status != napi_ok) {
    delete context;
    throw Napi::Error::New(env);
  }
  napi_add_env_cleanup_hook(env, State::environment_ends, state_.get());
}

void Wakeup::call() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->handle != nullptr)
    napi_call_threadsafe_function(state_->handle, nullptr, napi_tsfn_nonblocking);
}

void Wakeup::ref(Napi::Env env) const {
  const std::lock_guard lock(state_->mutex);
  if (state_->handle != nullptr) napi_ref_threadsafe_function(env, state_->handle);
}

void Wakeup::unref(Napi::Env env) const {
  const std::lock_guard lock(state_->mutex);
  if (state_->handle != nullptr) napi_unref_threadsafe_function(env, state_->handle);
}

void Wakeup::release() const {
  state_->let_go(napi_tsfn_release);
}

}  // namespace quern
