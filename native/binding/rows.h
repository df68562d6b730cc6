#pragma once
#include <napi.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "binding/own_members.h"
#include "binding/writer.h"
#include "engine/rows.h"

namespace quern {

// What steps gave, as JavaScript sees it: NativeRows of lib/native/binding.ts.

inline Napi::Object to_js(Napi::Env env, const LogprobColumns& columns) {
  const Writer logprobs(env, "NativeLogprobs");
  logprobs.doubles("values", columns.values);
  logprobs.ids("ends", columns.ends);
  logprobs.ids("ids", columns.ids);
  logprobs.doubles("logprobs", columns.logprobs);
  return logprobs.written();
}

// Nothing where no row has any.
inline std::optional<Napi::Object> to_js(Napi::Env env, const LogprobColumns* columns) {
  return columns == nullptr ? std::nullopt : std::optional(to_js(env, *columns));
}

// Writes what an answer holds beside its request, and says of what kind it is.
struct AnswerMembers {
  Napi::Env env;
  Napi::Object object;

  const char* operator()(const Begin& begin) const {
    const Writer answer(object, "NativeBegin");
    answer.number("cachedTokens", begin.cached_tokens);
    answer.optional_object("promptLogprobs", to_js(env, begin.prompt ? &*begin.prompt : nullptr));
    return "begin";
  }
  const char* operator()(const End& end) const {
    const Writer answer(object, "NativeEnd");
    answer.text("finish", end.stopped ? "stop" : "length");
    answer.number("stopString", end.stop_string);
    answer.number("queuedSeconds", end.timings.queued_seconds);
    answer.number("prefillSeconds", end.timings.prefill_seconds);
    answer.number("decodeSeconds", end.timings.decode_seconds);
    return "end";
  }
  const char* operator()(const Cancelled&) const { return "cancelled"; }
  const char* operator()(const Failure& failure) const {
    const Writer answer(object, "NativeFailed");
    answer.text("code", failure.code);
    answer.text("message", failure.message);
    return "failed";
  }
  const char* operator()(const Scores& scores) const {
    const Writer answer(object, "NativeScores");
    answer.object("scores", to_js(env, scores.tokens));
    answer.doubles("candidates", scores.candidates);
    return "scores";
  }
  const char* operator()(const Embedding& embedding) const {
    const Writer answer(object, "NativeEmbedding");
    answer.reals("numbers", embedding.numbers);
    return "embedding";
  }
  const char* operator()(LogitsRows& rows) const {
    const Writer answer(object, "NativeLogitsRows");
    answer.reals("numbers", std::move(rows.numbers), rows.count);
    return "logits";
  }
  const char* operator()(const Pages& pages) const {
    const Writer answer(object, "NativeKnownPages");
    answer.number("known", pages.known);
    answer.number("pages", pages.pages);
    answer.bytes("bytes", pages.bytes);
    return "pages";
  }
};

inline Napi::Object to_js(Napi::Env env, Answer& answer) {
  const Writer object(env, "NativeAnswerOf");
  object.number("request", answer.request);
  object.text("kind", std::visit(AnswerMembers{env, object.written()}, answer.what));
  return object.written();
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

// Three columns of numbers. JavaScript has read them before it gives the thread back, so that the array of
// one step serves the next: a new one would cost more than what a token does else.
class Columns {
 public:
  // An array of three times at least so many numbers.
  Napi::Int32Array of(Napi::Env env, size_t count) {
    if (array_.IsEmpty() || array_.Value().ElementLength() < 3 * count) {
      const size_t roomy = std::max<size_t>(64, 2 * count);
      array_ = Napi::Persistent(Napi::Int32Array::New(env, 3 * roomy));
    }
    return array_.Value();
  }

 private:
  Napi::Reference<Napi::Int32Array> array_;
};

// The members of NativeRows, as the arguments of a call: objects with names would cost more than their rows.
inline std::vector<napi_value> to_js(Napi::Env env, Rows&& rows, Columns& in) {
  const size_t count = rows.requests.size();
  Napi::Int32Array columns = in.of(env, count);
  const size_t column = columns.ElementLength() / 3;
  int32_t* const numbers = columns.Data();
  std::ranges::copy(rows.requests, numbers);
  std::ranges::copy(rows.tokens, numbers + column);
  utf16_ends(rows, numbers + 2 * column);
  Napi::Array answers = Napi::Array::New(env);
  for (uint32_t i = 0; i < rows.answers.size(); ++i) put(answers, i, to_js(env, rows.answers[i]));
  const Napi::Value logprobs = rows.logprobs.size() > 0 ? to_js(env, rows.logprobs) : env.Undefined();
  return {columns, Napi::Number::New(env, count), Napi::String::New(env, rows.text), logprobs, answers};
}

}  // namespace quern
