#pragma once
#include <napi.h>

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "binding/own_members.h"
#include "engine/rows.h"

namespace quern {

// What steps gave, as JavaScript sees it: NativeRows of lib/native/binding.ts.

template <typename Array, typename T>
Array typed_array(Napi::Env env, std::span<const T> numbers) {
  Array array = Array::New(env, numbers.size());
  if (!numbers.empty()) std::memcpy(array.Data(), numbers.data(), numbers.size_bytes());
  return array;
}
inline Napi::Int32Array to_js(Napi::Env env, const std::vector<int32_t>& numbers) {
  return typed_array<Napi::Int32Array>(env, std::span(numbers));
}
inline Napi::Float64Array to_js(Napi::Env env, const std::vector<double>& numbers) {
  return typed_array<Napi::Float64Array>(env, std::span(numbers));
}

inline Napi::Object to_js(Napi::Env env, const LogprobColumns& columns) {
  Napi::Object object = Napi::Object::New(env);
  put(object, "values", to_js(env, columns.values));
  put(object, "ends", to_js(env, columns.ends));
  put(object, "ids", to_js(env, columns.ids));
  put(object, "logprobs", to_js(env, columns.logprobs));
  return object;
}

// Writes what an answer holds beside its request, and says of what kind it is.
struct AnswerMembers {
  Napi::Env env;
  Napi::Object object;

  const char* operator()(const Begin& begin) const {
    put(object, "cachedTokens", begin.cached_tokens);
    if (begin.prompt) put(object, "promptLogprobs", to_js(env, *begin.prompt));
    return "begin";
  }
  const char* operator()(const End& end) const {
    put(object, "finish", end.stopped ? "stop" : "length");
    put(object, "queuedSeconds", end.timings.queued_seconds);
    put(object, "prefillSeconds", end.timings.prefill_seconds);
    put(object, "decodeSeconds", end.timings.decode_seconds);
    return "end";
  }
  const char* operator()(const Cancelled&) const { return "cancelled"; }
  const char* operator()(const Failure& failure) const {
    put(object, "code", failure.code);
    put(object, "message", failure.message);
    return "failed";
  }
  const char* operator()(const Scores& scores) const {
    put(object, "scores", to_js(env, scores.tokens));
    put(object, "candidates", to_js(env, scores.candidates));
    return "scores";
  }
  const char* operator()(const Embedding& embedding) const {
    put(object, "numbers", typed_array<Napi::Float32Array>(env, std::span(embedding.numbers)));
    return "embedding";
  }
  const char* operator()(const LogitsRows& rows) const {
    put(object, "numbers",
        typed_array<Napi::Float32Array>(env, std::span<const float>(rows.numbers.get(), rows.count)));
    return "logits";
  }
  const char* operator()(const Pages& pages) const {
    put(object, "known", static_cast<double>(pages.known));
    put(object, "bytes", typed_array<Napi::Uint8Array>(env, std::span(pages.bytes)));
    return "pages";
  }
};

inline Napi::Object to_js(Napi::Env env, const Answer& answer) {
  Napi::Object object = Napi::Object::New(env);
  put(object, "request", answer.request);
  put(object, "kind", std::visit(AnswerMembers{env, object}, answer.what));
  return object;
}

// Where each text ends, counted as JavaScript counts: a character beyond the first 65,536 is two units.
inline Napi::Int32Array utf16_ends(Napi::Env env, const Rows& rows) {
  auto ends = Napi::Int32Array::New(env, rows.text_ends.size());
  size_t at = 0;
  int32_t units = 0;
  for (size_t i = 0; i < rows.text_ends.size(); ++i) {
    for (; at < rows.text_ends[i]; ++at) {
      const auto byte = static_cast<unsigned char>(rows.text[at]);
      units += (byte & 0xc0) == 0x80 ? 0 : byte >= 0xf0 ? 2 : 1;
    }
    ends[i] = units;
  }
  return ends;
}

inline Napi::Object to_js(Napi::Env env, const Rows& rows) {
  Napi::Object object = Napi::Object::New(env);
  auto requests = Napi::Int32Array::New(env, rows.requests.size());
  for (size_t i = 0; i < rows.requests.size(); ++i) requests[i] = static_cast<int32_t>(rows.requests[i]);
  put(object, "requests", requests);
  put(object, "tokens", to_js(env, rows.tokens));
  put(object, "text", rows.text);
  put(object, "textEnds", utf16_ends(env, rows));
  if (rows.logprobs.size() > 0) put(object, "logprobs", to_js(env, rows.logprobs));
  Napi::Array answers = Napi::Array::New(env, rows.answers.size());
  for (uint32_t i = 0; i < rows.answers.size(); ++i) put(answers, i, to_js(env, rows.answers[i]));
  put(object, "answers", answers);
  return object;
}

}  // namespace quern
