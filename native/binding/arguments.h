#pragma once
#include <napi.h>

#include <span>
#include <string>

#include "core/error.h"

namespace quern {

// The numbers of an argument, where they are. JavaScript may move or free them: nothing of it may run while
// they are in use.
template <typename Array>
auto numbers_argument(const Napi::CallbackInfo& args, size_t index, napi_typedarray_type type,
                      const char* expected) {
  const Napi::Value value = args[index];
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    throw Error("internal", "argument " + std::to_string(index + 1) + ": expected " + expected);
  const auto array = value.As<Array>();
  return std::span(array.Data(), array.ElementLength());
}
inline std::span<const int32_t> ids_argument(const Napi::CallbackInfo& args, size_t index) {
  return numbers_argument<Napi::Int32Array>(args, index, napi_int32_array, "an Int32Array");
}
inline std::span<const float> reals_argument(const Napi::CallbackInfo& args, size_t index) {
  return numbers_argument<Napi::Float32Array>(args, index, napi_float32_array, "a Float32Array");
}
inline std::string text_argument(const Napi::CallbackInfo& args, size_t index) {
  if (!args[index].IsString())
    throw Error("internal", "argument " + std::to_string(index + 1) + ": expected a string");
  return args[index].As<Napi::String>().Utf8Value();  // lone surrogates become U+FFFD here
}
inline bool flag_argument(const Napi::CallbackInfo& args, size_t index) {
  if (!args[index].IsBoolean())
    throw Error("internal", "argument " + std::to_string(index + 1) + ": expected a boolean");
  return args[index].As<Napi::Boolean>().Value();
}

}  // namespace quern
