#pragma once
#include <napi.h>

namespace quern {

// Adds probeDevices(library) to the addon. Its types: NativeBinding in lib/native/binding.ts.
void export_devices(Napi::Env env, Napi::Object exports);

}  // namespace quern
