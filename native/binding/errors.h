// From C++ errors to JavaScript ones.
#pragma once
#include <napi.h>

#include <exception>
#include <new>
#include <string>

#include "binding/own_members.h"
#include "core/error.h"

namespace quern {

// An Error whose `code` is a QuernErrorCode; lib/native/ turns it into a QuernError.
inline Napi::Error to_js_error(Napi::Env env, const std::string& code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  put(error.Value(), "code", code);
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
  } catch (const Error& error) {
    throw to_js_error(env, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    throw to_js_error(env, "out_of_memory", "the native core ran out of memory");
  } catch (const std::exception& error) {
    throw to_js_error(env, "internal", error.what());
  }
}

}  // namespace quern
