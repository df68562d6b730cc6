#pragma once
#include <napi.h>

#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace quern {

// Reads the members of a plain object that lib/ has made and validated: one that lacks or has the wrong type
// is a bug of ours, an `internal` error. Each call looks at the object anew, and JavaScript may run in it:
// read a member once, into memory of our own.
//
// An object's interface is the one of that name in lib/native/. scripts/check-binding.mjs compares
// its members with those that are read here, by their names and the types that the methods' names stand for:
// so a reader is made with the name in place, and a member is read by its name in place.
class Reader {
 public:
  Reader(const Napi::Value& value, const char* interface) : interface_(interface) {
    if (!value.IsObject()) throw Error("internal", std::string(interface) + ": expected an object");
    object_ = value.As<Napi::Object>();
  }

  double number(const char* name) const {
    const Napi::Value value = get(name);
    if (!value.IsNumber()) fail(name, "a number");
    return value.As<Napi::Number>().DoubleValue();
  }
  template <typename T>
  T integer(const char* name) const {
    const double value = number(name);
    // One more than the largest T: a power of two, which a double holds exactly.
    const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
    if (!(value >= static_cast<double>(std::numeric_limits<T>::min()) && value < end))
      fail(name, "a number in its range");
    return static_cast<T>(value);
  }
  float real(const char* name) const { return static_cast<float>(number(name)); }
  bool flag(const char* name) const {
    const Napi::Value value = get(name);
    if (!value.IsBoolean()) fail(name, "a boolean");
    return value.As<Napi::Boolean>().Value();
  }
  std::string text(const char* name) const { return text_of(get(name), name); }
  std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> texts;
    for (const Napi::Value& item : items(name)) texts.push_back(text_of(item, name));
    return texts;
  }

  std::vector<int32_t> ids(const char* name) const { return ids_of(get(name), name); }
  std::vector<std::vector<int32_t>> ids_lists(const char* name) const {
    std::vector<std::vector<int32_t>> lists;
    for (const Napi::Value& item : items(name)) lists.push_back(ids_of(item, name));
    return lists;
  }
  std::vector<uint32_t> unsigned_ids(const char* name) const {
    return numbers_of<uint32_t>(get(name), napi_uint32_array, name, "a Uint32Array");
  }
  std::vector<float> reals(const char* name) const {
    return numbers_of<float>(get(name), napi_float32_array, name, "a Float32Array");
  }
  std::vector<uint8_t> bytes(const char* name) const { return bytes_of(get(name), name); }
  std::optional<std::vector<uint8_t>> optional_bytes(const char* name) const {
    const Napi::Value value = get(name);
    if (value.IsUndefined()) return {};
    return bytes_of(value, name);
  }

  // Of an interface of its own.
  Napi::Value object(const char* name) const {
    const Napi::Value value = get(name);
    if (!value.IsObject()) fail(name, "an object");
    return value;
  }
  // Empty: undefined.
  Napi::Value optional_object(const char* name) const {
    const Napi::Value value = get(name);
    if (value.IsUndefined()) return {};
    if (!value.IsObject()) fail(name, "an object");
    return value;
  }
  std::vector<Napi::Value> objects(const char* name) const { return items(name); }

  Napi::Function function(const char* name) const { return function_of(get(name), name); }
  // Empty: undefined.
  Napi::Function optional_function(const char* name) const {
    const Napi::Value value = get(name);
    return value.IsUndefined() ? Napi::Function() : function_of(value, name);
  }

  // For what is of the right type and still no value that there is.
  [[noreturn]] void fail(const char* name, const std::string& expected) const {
    throw Error("internal", std::string(interface_) + "." + name + ": expected " + expected);
  }

 private:
  Napi::Value get(const char* name) const { return object_.Get(name); }

  std::vector<Napi::Value> items(const char* name) const {
    const Napi::Value value = get(name);
    if (!value.IsArray()) fail(name, "an array");
    const auto array = value.As<Napi::Array>();
    std::vector<Napi::Value> values;
    for (uint32_t i = 0; i < array.Length(); ++i) values.push_back(array.Get(i));
    return values;
  }
  std::string text_of(const Napi::Value& value, const char* name) const {
    if (!value.IsString()) fail(name, "a string");
    return value.As<Napi::String>().Utf8Value();
  }
  Napi::Function function_of(const Napi::Value& value, const char* name) const {
    if (!value.IsFunction()) fail(name, "a function");
    return value.As<Napi::Function>();
  }
  template <typename T>
  std::vector<T> numbers_of(const Napi::Value& value, napi_typedarray_type type, const char* name,
                            const char* expected) const {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) fail(name, expected);
    const auto array = value.As<Napi::TypedArrayOf<T>>();
    return {array.Data(), array.Data() + array.ElementLength()};
  }
  std::vector<int32_t> ids_of(const Napi::Value& value, const char* name) const {
    return numbers_of<int32_t>(value, napi_int32_array, name, "an Int32Array");
  }
  std::vector<uint8_t> bytes_of(const Napi::Value& value, const char* name) const {
    return numbers_of<uint8_t>(value, napi_uint8_array, name, "a Uint8Array");
  }

  Napi::Object object_;
  const char* interface_;
};

}  // namespace quern
