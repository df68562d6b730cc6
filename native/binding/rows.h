#pragma once
#include <napi.h>

#include <cstring>
#include <vector>

#include "binding/own_members.h"
#include "engine/request.h"

namespace quern {

// What a step gave, as JavaScript sees it: NativeRow[] of lib/native/binding.ts.

inline const char* finish_name(Finish finish) {
  switch (finish) {
    case Finish::running:
      return "";
    case Finish::stop:
      return "stop";
    case Finish::length:
      return "length";
    case Finish::cancelled:
      return "cancelled";
    case Finish::failed:
      return "failed";
    case Finish::logits:
      return "logits";
    case Finish::pages:
      return "pages";
  }
  return "";
}

inline void set_logprobs(Napi::Env env, Napi::Object object, const Logprobs& logprobs) {
  put(object, "logprob", logprobs.chosen);
  auto ids = Napi::Int32Array::New(env, logprobs.top.size());
  auto values = Napi::Float64Array::New(env, logprobs.top.size());
  for (size_t i = 0; i < logprobs.top.size(); ++i) {
    ids.Data()[i] = logprobs.top[i].token;
    values.Data()[i] = logprobs.top[i].logprob;
  }
  put(object, "topIds", ids);
  put(object, "topLogprobs", values);
}

inline Napi::Object to_js(Napi::Env env, const StepRow& row) {
  Napi::Object object = Napi::Object::New(env);
  put(object, "request", row.request);
  put(object, "token", row.token);
  put(object, "text", row.text);
  if (row.cached_tokens > 0) put(object, "cachedTokens", row.cached_tokens);
  if (row.logprobs) set_logprobs(env, object, *row.logprobs);
  if (row.finish == Finish::running) return object;
  put(object, "finish", finish_name(row.finish));
  put(object, "queuedSeconds", row.timings.queued_seconds);
  put(object, "prefillSeconds", row.timings.prefill_seconds);
  put(object, "decodeSeconds", row.timings.decode_seconds);
  if (row.finish == Finish::failed) {
    put(object, "errorCode", row.error_code);
    put(object, "errorMessage", row.error_message);
  }
  if (row.finish == Finish::logits) {
    auto logits = Napi::Float32Array::New(env, row.logits.size());
    if (!row.logits.empty()) std::memcpy(logits.Data(), row.logits.data(), row.logits.size() * sizeof(float));
    put(object, "logits", logits);
  }
  if (row.finish == Finish::pages) {
    put(object, "knownPages", static_cast<double>(row.known_pages));
    auto bytes = Napi::Uint8Array::New(env, row.page_bytes.size());
    if (!row.page_bytes.empty()) std::memcpy(bytes.Data(), row.page_bytes.data(), row.page_bytes.size());
    put(object, "pageBytes", bytes);
  }
  return object;
}

inline Napi::Array to_js(Napi::Env env, const std::vector<StepRow>& rows) {
  Napi::Array array = Napi::Array::New(env, rows.size());
  for (uint32_t i = 0; i < rows.size(); ++i) put(array, i, to_js(env, rows[i]));
  return array;
}

}  // namespace quern
