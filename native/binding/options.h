#pragma once
#include <napi.h>

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace quern {

inline std::vector<int32_t> ids_of(const Napi::Value& value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    throw Error("internal", "native options: expected an Int32Array");
  const auto array = value.As<Napi::Int32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

// The numbers of a Float32Array, where they are. JavaScript may move or free them: nothing of it may run
// while they are in use.
inline std::span<const float> floats_of(const Napi::Value& value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array)
    throw Error("internal", "native options: expected a Float32Array");
  const auto array = value.As<Napi::Float32Array>();
  return {array.Data(), array.ElementLength()};
}

inline std::vector<uint8_t> bytes_of(const Napi::Value& value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw Error("internal", "native options: expected a Uint8Array");
  const auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

// Reads the members of a plain object that lib/ has made and validated. A wrong type here is a bug of ours,
// but must not crash. Each call looks at the object anew, and JavaScript may run in it: read a member once,
// into memory of our own.
class Options {
 public:
  explicit Options(const Napi::Value& value) {
    if (!value.IsObject()) throw Error("internal", "native options: expected an object");
    object_ = value.As<Napi::Object>();
  }

  Napi::Value get(const char* name) const { return object_.Get(name); }
  double number(const char* name) const {
    const Napi::Value value = get(name);
    if (!value.IsNumber()) throw Error("internal", std::string("native options: expected a number: ") + name);
    return value.As<Napi::Number>().DoubleValue();
  }
  template <typename T>
  T integer(const char* name) const {
    const double value = number(name);
    // One more than the largest T: a power of two, which a double holds exactly.
    const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
    if (!(value >= static_cast<double>(std::numeric_limits<T>::min()) && value < end)) {
      throw Error("internal", std::string("native options: out of range: ") + name);
    }
    return static_cast<T>(value);
  }
  float real(const char* name) const { return static_cast<float>(number(name)); }
  bool flag(const char* name) const { return get(name).ToBoolean(); }
  std::string text(const char* name) const {
    const Napi::Value value = get(name);
    if (!value.IsString()) throw Error("internal", std::string("native options: expected a string: ") + name);
    return value.As<Napi::String>().Utf8Value();
  }
  std::vector<std::string> texts(const char* name) const {
    const Napi::Value value = get(name);
    std::vector<std::string> texts;
    if (!value.IsArray()) throw Error("internal", std::string("native options: expected an array: ") + name);
    const auto array = value.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Value item = array[i];
      if (!item.IsString()) throw Error("internal", std::string("native options: expected strings: ") + name);
      texts.push_back(item.As<Napi::String>().Utf8Value());
    }
    return texts;
  }
  std::vector<int32_t> ids(const char* name) const { return ids_of(get(name)); }
  std::vector<float> reals(const char* name) const {
    const auto values = floats_of(get(name));
    return {values.begin(), values.end()};
  }
  std::vector<Napi::Value> list(const char* name) const {
    const Napi::Value value = get(name);
    if (!value.IsArray()) throw Error("internal", std::string("native options: expected an array: ") + name);
    const auto array = value.As<Napi::Array>();
    std::vector<Napi::Value> values;
    for (uint32_t i = 0; i < array.Length(); ++i) values.push_back(array.Get(i));
    return values;
  }
  Napi::Function function(const char* name) const {
    const Napi::Value value = get(name);
    if (!value.IsFunction())
      throw Error("internal", std::string("native options: expected a function: ") + name);
    return value.As<Napi::Function>();
  }

 private:
  Napi::Object object_;
};

}  // namespace quern
