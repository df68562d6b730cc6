// The `Tokenizer` and `TokenDecoder` classes of the addon. Their types are in lib/native/binding.ts.
#pragma once
#include <napi.h>

#include <memory>

#include "tokenizer/tokenizer.h"

namespace quern {

void export_tokenizer(Napi::Env env, Napi::Object exports);

// The tokenizer inside a JavaScript `Tokenizer`; throws where the value is something else.
std::shared_ptr<const Tokenizer> unwrap_tokenizer(const Napi::Value& value);

}  // namespace quern
