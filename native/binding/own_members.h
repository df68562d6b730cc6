#pragma once
#include <napi.h>

#include <string>

namespace quern {

// Gives an object of ours a member of its own. To set it would call a setter that Object.prototype has of
// that name, or do nothing where a member there is read-only; what a program does to prototypes must not
// lose anybody's rows.
template <typename T>
void put(Napi::Object object, const char* name, const T& value) {
  const Napi::Env env = object.Env();
  object.DefineProperty(
      Napi::PropertyDescriptor::Value(name, Napi::Value::From(env, value), napi_default_jsproperty));
}

inline void put(Napi::Array array, uint32_t index, napi_value value) {
  const napi_value name = Napi::String::New(array.Env(), std::to_string(index));
  array.DefineProperty(Napi::PropertyDescriptor::Value(name, value, napi_default_jsproperty));
}

}  // namespace quern
