// From C++ errors to JavaScript ones.
#pragma once
#include <napi.h>

#include "binding/own_members.h"
#include "core/error.h"

namespace quern {

// An Error whose `code` is a QuernErrorCode; lib/native/ turns it into a QuernError.
inline Napi::Error to_js_error(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  put(error.Value(), "code", failure.code);
  return error;
}

// Runs f; what it throws becomes a JavaScript error with a code. Every function that JavaScript calls is
// wrapped in it.
template <class F>
auto guarded(Napi::Env env, F&& f) {
  try {
    return f();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw to_js_error(env, current_failure());
  }
}

}  // namespace quern
