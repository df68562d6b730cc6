// What the addon exports. Each file of this folder adds its own part.
#include <napi.h>

#include "backend/devices.h"
#include "binding/device_binding.h"
#include "binding/machine_binding.h"
#include "binding/model_binding.h"
#include "binding/own_members.h"
#include "binding/read_sampling.h"
#include "binding/sampling_binding.h"
#include "binding/tokenizer_binding.h"
#include "model/weights.h"

namespace {

// What lib/native/constants.ts must say too.
void export_constants(Napi::Env env, Napi::Object exports) {
  Napi::Array dtypes = Napi::Array::New(env);
  for (const quern::Dtype dtype : quern::kDtypes)
    quern::put(dtypes, dtypes.Length(), Napi::String::New(env, std::string(name_of(dtype))));
  Napi::Array samplers = Napi::Array::New(env);
  for (const char* name : quern::kSamplerNames)
    quern::put(samplers, samplers.Length(), Napi::String::New(env, name));
  Napi::Array quantizations = Napi::Array::New(env);
  for (const char* name : quern::kQuantizations)
    quern::put(quantizations, quantizations.Length(), Napi::String::New(env, name));
  exports.Set("dtypes", dtypes);
  exports.Set("quantizations", quantizations);
  exports.Set("samplers", samplers);
  exports.Set("pagePositions", Napi::Number::New(env, quern::kPagePositions));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  export_constants(env, exports);
  quern::export_tokenizer(env, exports);
  quern::export_model(env, exports);
  quern::export_machine(env, exports);
  quern::export_devices(env, exports);
  quern::export_sampling(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(quern, init)
