#pragma once
#include <napi.h>

#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "binding/own_members.h"

namespace quern {

// Writes the members of an object that lib/ is given. Its interface is the one of that name in
// lib/native/binding.ts; scripts/check-binding.mjs compares its members with those that are written here, as
// Reader's with those that are read.
class Writer {
 public:
  Writer(Napi::Env env, const char* /*interface*/) : object_(Napi::Object::New(env)) {}
  // More members of an object that another writer began.
  Writer(Napi::Object object, const char* /*interface*/) : object_(object) {}

  Napi::Object written() const { return object_; }

  template <typename T>
  void number(const char* name, T value) const {
    put(object_, name, static_cast<double>(value));
  }
  void flag(const char* name, bool value) const { put(object_, name, value); }
  void text(const char* name, const std::string& value) const { put(object_, name, value); }
  void texts(const char* name, std::span<const std::string> values) const {
    Napi::Array array = Napi::Array::New(object_.Env());
    for (const std::string& value : values)
      put(array, array.Length(), Napi::String::New(object_.Env(), value));
    put(object_, name, array);
  }

  void ids(const char* name, std::span<const int32_t> values) const {
    put(object_, name, numbers<Napi::Int32Array>(values));
  }
  void reals(const char* name, std::span<const float> values) const {
    put(object_, name, numbers<Napi::Float32Array>(values));
  }
  // Gigabytes, where they are: a copy would hold the event loop. JavaScript owns them from here on.
  void reals(const char* name, std::unique_ptr<float[]> values, size_t count) const {
    put(object_, name, adopted(std::move(values), count));
  }
  void doubles(const char* name, std::span<const double> values) const {
    put(object_, name, numbers<Napi::Float64Array>(values));
  }
  void bytes(const char* name, std::span<const uint8_t> values) const {
    put(object_, name, numbers<Napi::Uint8Array>(values));
  }

  void object(const char* name, Napi::Object value) const { put(object_, name, value); }
  // Empty: no such member.
  void optional_object(const char* name, std::optional<Napi::Object> value) const {
    if (value) put(object_, name, *value);
  }
  void objects(const char* name, Napi::Array values) const { put(object_, name, values); }
  void function(const char* name, Napi::Function value) const { put(object_, name, value); }
  void promise(const char* name, Napi::Promise value) const { put(object_, name, value); }

 private:
  template <typename Array, typename T>
  Array numbers(std::span<const T> values) const {
    Array array = Array::New(object_.Env(), values.size());
    if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size_bytes());
    return array;
  }

  // Copied only where a runtime takes no memory of others, such as Electron.
  Napi::Float32Array adopted(std::unique_ptr<float[]> values, size_t count) const {
    const Napi::Env env = object_.Env();
    const auto free = [](napi_env, void*, void* hint) { delete[] static_cast<float*>(hint); };
    napi_value buffer = nullptr;
    const napi_status status = napi_create_external_arraybuffer(env, values.get(), count * sizeof(float),
                                                                free, values.get(), &buffer);
    if (status != napi_ok) return numbers<Napi::Float32Array>(std::span<const float>(values.get(), count));
    values.release();
    return Napi::Float32Array::New(env, count, Napi::ArrayBuffer(env, buffer), 0);
  }

  Napi::Object object_;
};

}  // namespace quern
