#pragma once
#include <napi.h>

namespace quern {

// Adds machine() and measureMachine(isa, threads) to the addon. Their types: NativeBinding in
// lib/native/binding.ts.
void export_machine(Napi::Env env, Napi::Object exports);

}  // namespace quern
