#pragma once
#include <napi.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "binding/read_sampling.h"
#include "binding/reader.h"
#include "binding/tokenizer_binding.h"
#include "core/error.h"
#include "engine/page_transfer.h"
#include "engine/sequence.h"
#include "engine/tasks/embed.h"
#include "engine/tasks/generate.h"
#include "engine/tasks/logits.h"
#include "engine/tasks/score.h"

namespace quern {

// NativeTask of lib/native/binding.ts. Reading a member may run JavaScript.

inline Request read_prompt(const Napi::Value& object) {
  const Reader task(object, "NativePromptTask");
  Request request;
  request.prompt = task.ids("prompt");
  request.priority = task.integer<int32_t>("priority");
  return request;
}

inline Request read_generate(const Napi::Value& object) {
  const Reader task(object, "NativeGenerate");
  Request request = read_prompt(object);
  request.origin = task.integer<PageOrigin>("origin");
  GenerateOptions generate;
  generate.max_tokens = task.integer<int32_t>("maxTokens");
  generate.sampling = read_sampling(task.object("sampling"));
  generate.seed = task.integer<uint64_t>("seed");
  generate.stop_tokens = task.ids("stopTokens");
  generate.stop_strings = task.texts("stop");
  generate.keep_special_tokens = task.flag("keepSpecialTokens");
  const Napi::Value tokenizer = task.optional_object("tokenizer");
  if (!tokenizer.IsEmpty()) generate.tokenizer = unwrap_tokenizer(tokenizer);
  generate.prompt_logprobs = task.integer<int32_t>("promptLogprobs");
  request.task = std::make_unique<Generate>(std::move(generate));
  return request;
}

inline Request read_score(const Napi::Value& object) {
  const Reader task(object, "NativeScore");
  Request request = read_prompt(object);
  ScoreOptions score;
  score.first = task.integer<int32_t>("first");
  score.top = task.integer<int32_t>("top");
  score.candidates = task.ids("candidates");
  request.task = std::make_unique<Score>(std::move(score));
  return request;
}

inline Request read_embed(const Napi::Value& object) {
  Request request = read_prompt(object);
  request.task = std::make_unique<Embed>();
  return request;
}

inline Request read_logits(const Napi::Value& object) {
  const Reader task(object, "NativeLogits");
  Request request = read_prompt(object);
  const std::string positions = task.text("positions");
  if (positions != "all" && positions != "last") task.fail("positions", "all or last, got " + positions);
  request.task =
      std::make_unique<Logits>(positions == "all" ? Logits::Positions::all : Logits::Positions::last);
  return request;
}

inline PageTransfer read_pages(const Napi::Value& object) {
  const Reader task(object, "NativePages");
  PageTransfer transfer;
  transfer.tokens = task.ids("tokens");
  transfer.length = static_cast<int64_t>(transfer.tokens.size());
  const auto positions = task.integer<int32_t>("positions");
  if (positions < 0 || positions > transfer.length) task.fail("positions", "at most as many as tokens");
  transfer.tokens.resize(static_cast<size_t>(positions));
  transfer.origin = task.integer<PageOrigin>("origin");
  transfer.first = task.integer<int32_t>("first");
  transfer.count = task.integer<int32_t>("count");
  auto bytes = task.optional_bytes("bytes");
  transfer.in = bytes.has_value();
  if (bytes) transfer.bytes = std::move(*bytes);
  return transfer;
}

inline std::variant<Request, PageTransfer> read_task(const Napi::Value& object) {
  const Reader task(object, "NativeTaskOf");
  const std::string kind = task.text("kind");
  if (kind == "generate") return read_generate(object);
  if (kind == "score") return read_score(object);
  if (kind == "embed") return read_embed(object);
  if (kind == "logits") return read_logits(object);
  if (kind == "pages") return read_pages(object);
  task.fail("kind", "one of a task, got " + kind);
}

}  // namespace quern
