// What the addon exports. Each file of this folder adds its own part.
#include <napi.h>

#include "binding/machine_binding.h"
#include "binding/model_binding.h"
#include "binding/sampling_binding.h"
#include "binding/tokenizer_binding.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  quern::export_tokenizer(env, exports);
  quern::export_model(env, exports);
  quern::export_machine(env, exports);
  quern::export_sampling(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(quern, init)
