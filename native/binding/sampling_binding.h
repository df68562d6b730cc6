// The `samplingDistribution` function of the addon. Its type is in lib/native/binding.ts.
#pragma once
#include <napi.h>

namespace quern {

void export_sampling(Napi::Env env, Napi::Object exports);

}  // namespace quern
