#pragma once
#include <napi.h>

#include <memory>
#include <string>
#include <utility>

#include "binding/options.h"
#include "binding/read_sampling.h"
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

inline std::unique_ptr<Task> read_generate(const Options& options) {
  GenerateOptions generate;
  generate.max_tokens = options.integer<int32_t>("maxTokens");
  generate.sampling = read_sampling(options.get("sampling"));
  generate.seed = options.integer<uint64_t>("seed");
  generate.stop_tokens = options.ids("stopTokens");
  generate.stop_strings = options.texts("stop");
  generate.keep_special_tokens = options.flag("keepSpecialTokens");
  const Napi::Value tokenizer = options.get("tokenizer");
  if (!tokenizer.IsUndefined()) generate.tokenizer = unwrap_tokenizer(tokenizer);
  generate.prompt_logprobs = options.integer<int32_t>("promptLogprobs");
  return std::make_unique<Generate>(std::move(generate));
}

inline std::unique_ptr<Task> read_score(const Options& options) {
  ScoreOptions score;
  score.first = options.integer<int32_t>("first");
  score.top = options.integer<int32_t>("top");
  score.candidates = options.ids("candidates");
  return std::make_unique<Score>(std::move(score));
}

inline std::unique_ptr<Task> read_logits(const Options& options) {
  const bool all = options.text("positions") == "all";
  return std::make_unique<Logits>(all ? Logits::Positions::all : Logits::Positions::last);
}

inline Request read_request(const Options& options, const std::string& kind) {
  Request request;
  request.prompt = options.ids("prompt");
  request.priority = options.integer<int32_t>("priority");
  if (kind == "generate") {
    request.origin = options.integer<PageOrigin>("origin");
    request.task = read_generate(options);
  } else if (kind == "score") {
    request.task = read_score(options);
  } else if (kind == "embed") {
    request.task = std::make_unique<Embed>();
  } else if (kind == "logits") {
    request.task = read_logits(options);
  } else {
    throw Error("internal", "native options: no kind of task: " + kind);
  }
  return request;
}

inline PageTransfer read_transfer(const Options& options) {
  PageTransfer transfer;
  transfer.tokens = options.ids("tokens");
  transfer.origin = options.integer<PageOrigin>("origin");
  transfer.first = options.integer<int32_t>("first");
  transfer.count = options.integer<int32_t>("count");
  const Napi::Value bytes = options.get("bytes");
  transfer.in = !bytes.IsUndefined();
  if (transfer.in) transfer.bytes = bytes_of(bytes);
  return transfer;
}

}  // namespace quern
