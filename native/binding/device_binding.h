#pragma once
#include <napi.h>

namespace quern {

// Adds probeDevices(library) and freeDeviceMemory(library, index) to the addon. Their types: NativeBinding in
// lib/native/binding.ts.
void export_devices(Napi::Env env, Napi::Object exports);

}  // namespace quern
