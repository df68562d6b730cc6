#include "binding/wakeup.h"

#include <utility>

namespace quern {

namespace {

using Function = std::function<void(Napi::Env)>;

void finalize(napi_env, void*, void* context) {
  delete static_cast<Function*>(context);
}

// What JavaScript threw in a callback of ours is an uncaught exception there.
void call(napi_env env, const Function& function) {
  try {
    const Napi::HandleScope scope(env);
    function(env);
  } catch (const Napi::Error& error) {
    if (!error.IsEmpty()) napi_fatal_exception(env, error.Value());
  }
}

void call_js(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;  // the environment is gone
  try {
    call(env, *static_cast<Function*>(context));
  } catch (...) {
    // Nothing of ours may unwind through Node. Where a worker was terminated in the callback, not even its
    // error can be looked at: there is nothing to say and nobody to hear it.
  }
}

}  // namespace

Wakeup::Wakeup(Napi::Env env, const char* name, Function function) {
  const auto context = new Function(std::move(function));
  const napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, name), 0, 1, nullptr,
                                      finalize, context, call_js, &handle_);
  if (status != napi_ok) {
    delete context;
    throw Napi::Error::New(env);
  }
}

void Wakeup::call() const {
  napi_call_threadsafe_function(handle_, nullptr, napi_tsfn_nonblocking);
}
void Wakeup::ref(Napi::Env env) const {
  napi_ref_threadsafe_function(env, handle_);
}
void Wakeup::unref(Napi::Env env) const {
  napi_unref_threadsafe_function(env, handle_);
}
void Wakeup::release() const {
  napi_release_threadsafe_function(handle_, napi_tsfn_release);
}

}  // namespace quern
