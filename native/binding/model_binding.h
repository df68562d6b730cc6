#pragma once
#include <napi.h>

namespace quern {

// Adds loadModel(plan, options) to the addon. Its types: NativeBinding in
// lib/native/binding.ts.
void export_model(Napi::Env env, Napi::Object exports);

}  // namespace quern
