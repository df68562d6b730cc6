#pragma once
#include <napi.h>

namespace quern {

// Adds loadModel(plan, options) and machine() to the addon. Their types: NativeBinding in
// lib/native/binding.ts.
void export_model(Napi::Env env, Napi::Object exports);

}  // namespace quern
