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

// Writes where each text ends, counted as JavaScript counts: a character beyond the first 65,536 is two
// units.
inline void utf16_ends(const Rows& rows, int32_t* ends) {
  size_t at = 0;
  int32_t units = 0;
  for (const auto end : rows.text_ends) {
    for (; at < end; ++at) {
      const auto byte = static_cast<unsigned char>(rows.text[at]);
      units += (byte & 0xc0) == 0x80 ? 0 : byte >= 0xf0 ? 2 : 1;
    }
    *ends++ = units;
  }
}

// The members of NativeRows, as the arguments of a call: objects with names would cost more than their rows.
inline std::vector<napi_value> to_js(Napi::Env env, const Rows& rows) {
  const size_t count = rows.requests.size();
  auto columns = Napi::Int32Array::New(env, 3 * count);
  for (size_t i = 0; i < count; ++i) columns[i] = static_cast<int32_t>(rows.requests[i]);
  for (size_t i = 0; i < count; ++i) columns[count + i] = rows.tokens[i];
  utf16_ends(rows, columns.Data() + 2 * count);
  Napi::Array answers = Napi::Array::New(env);
  for (uint32_t i = 0; i < rows.answers.size(); ++i) put(answers, i, to_js(env, rows.answers[i]));
  const Napi::Value logprobs = rows.logprobs.size() > 0 ? to_js(env, rows.logprobs) : env.Undefined();
  return {columns, Napi::String::New(env, rows.text), logprobs, answers};
}

}  // namespace quern
