#include "binding/tokenizer_binding.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "binding/arguments.h"
#include "binding/errors.h"
#include "binding/reader.h"
#include "tokenizer/token_decoder.h"
#include "tokenizer/word_cache.h"

namespace quern {
namespace {

// Marks our objects, so that nothing else is taken for one.
constexpr napi_type_tag kTokenizerTag = {0x5d1c7a9e44b04c7fu, 0x9a3b6f0e2d815c46u};

AddedToken read_added_token(const Napi::Value& object) {
  const Reader added(object, "NativeAddedToken");
  AddedToken token;
  token.id = added.integer<int32_t>("id");
  token.content = added.text("content");
  token.special = added.flag("special");
  token.lstrip = added.flag("lstrip");
  token.rstrip = added.flag("rstrip");
  token.single_word = added.flag("singleWord");
  token.normalized = added.flag("normalized");
  return token;
}

PretokenizerStep read_step(const Napi::Value& object) {
  const Reader given(object, "NativePretokenizerStep");
  const std::string kind = given.text("kind");
  PretokenizerStep step;
  if (kind == "gpt2") {
    step.kind = PretokenizerStep::Kind::kGpt2;
  } else if (kind == "cl100k") {
    step.kind = PretokenizerStep::Kind::kCl100k;
  } else if (kind == "digits") {
    step.kind = PretokenizerStep::Kind::kDigits;
  } else {
    given.fail("kind", "the name of a step, got " + kind);
  }
  step.max_digits = given.integer<int32_t>("maxDigits");
  return step;
}

Replacement read_replacement(const Napi::Value& object) {
  const Reader given(object, "NativeReplacement");
  return {given.text("pattern"), given.text("content")};
}

NormalizerStep read_normalizer_step(const Napi::Value& object) {
  const Reader given(object, "NativeNormalizerStep");
  const std::string kind = given.text("kind");
  NormalizerStep step;
  if (kind == "nfc") {
    step.kind = NormalizerStep::Kind::kNfc;
  } else if (kind == "prepend") {
    step.kind = NormalizerStep::Kind::kPrepend;
  } else if (kind == "replace") {
    step.kind = NormalizerStep::Kind::kReplace;
  } else {
    given.fail("kind", "the name of a step, got " + kind);
  }
  step.replacement = {given.text("pattern"), given.text("content")};
  return step;
}

Metaspace read_metaspace(const Napi::Value& object) {
  const Reader given(object, "NativeMetaspace");
  const std::string prepend = given.text("prepend");
  Metaspace metaspace;
  metaspace.mark = given.text("mark");
  metaspace.split = given.flag("split");
  if (prepend == "always") {
    metaspace.prepend = Metaspace::Prepend::kAlways;
  } else if (prepend == "first") {
    metaspace.prepend = Metaspace::Prepend::kFirst;
  } else if (prepend == "never") {
    metaspace.prepend = Metaspace::Prepend::kNever;
  } else {
    given.fail("prepend", "always, first or never, got " + prepend);
  }
  return metaspace;
}

CharacterFallback read_fallback(const Napi::Value& object) {
  const Reader given(object, "NativeCharacterFallback");
  CharacterFallback fallback;
  fallback.byte_ids = given.ids("byteIds");
  fallback.unknown = given.integer<int32_t>("unknown");
  fallback.fuses_unknown = given.flag("fusesUnknown");
  return fallback;
}

DecoderRules read_decoder_rules(const Napi::Value& object) {
  const Reader given(object, "NativeDecoderRules");
  DecoderRules rules;
  for (const Napi::Value& replacement : given.objects("replacements"))
    rules.replacements.push_back(read_replacement(replacement));
  const std::string stripped = given.text("stripped");
  if (stripped.size() != 1) given.fail("stripped", "one ASCII character");
  rules.stripped = stripped.front();
  rules.strip_count = given.integer<int32_t>("stripCount");
  rules.first_loses = given.text("firstLoses");
  return rules;
}

TokenizerDefinition read_definition(const Napi::Value& object) {
  const Reader given(object, "NativeTokenizerDefinition");
  TokenizerDefinition definition;
  const std::vector<uint8_t> bytes = given.bytes("tokenBytes");
  definition.token_bytes.assign(bytes.begin(), bytes.end());
  definition.token_offsets = given.unsigned_ids("tokenOffsets");
  for (const uint8_t kind : given.bytes("tokenKinds"))
    definition.token_kinds.push_back(static_cast<TokenKind>(kind));
  const std::vector<int32_t> merges = given.ids("merges");
  if (merges.size() % 3 != 0) throw Error("invalid_tokenizer", "tokenizer: expected merges as triples");
  for (size_t i = 0; i < merges.size(); i += 3)
    definition.merges.push_back({merges[i], merges[i + 1], merges[i + 2]});
  for (const Napi::Value& added : given.objects("addedTokens"))
    definition.added_tokens.push_back(read_added_token(added));
  for (const Napi::Value& step : given.objects("pretokenizer"))
    definition.pretokenizer.push_back(read_step(step));
  for (const Napi::Value& step : given.objects("normalizer"))
    definition.normalizer.push_back(read_normalizer_step(step));
  if (const Napi::Value metaspace = given.optional_object("metaspace"); !metaspace.IsEmpty())
    definition.metaspace = read_metaspace(metaspace);
  if (const Napi::Value characters = given.optional_object("characters"); !characters.IsEmpty())
    definition.characters = read_fallback(characters);
  definition.decoder = read_decoder_rules(given.object("decoder"));
  definition.ignore_merges = given.flag("ignoreMerges");
  definition.prefix = given.ids("prefix");
  definition.suffix = given.ids("suffix");
  return definition;
}

// About what a tokenizer takes: its tables, the lookup of its merges, and the words that it remembers.
int64_t memory_of(const TokenizerDefinition& definition) {
  const size_t tables = definition.token_bytes.size() + 16 * definition.token_offsets.size();
  return static_cast<int64_t>(tables + 48 * definition.merges.size() + WordCache::kBytes);
}

Napi::Int32Array to_int32_array(Napi::Env env, const std::vector<int32_t>& ids) {
  Napi::Int32Array array = Napi::Int32Array::New(env, ids.size());
  std::copy(ids.begin(), ids.end(), array.Data());
  return array;
}

// V8 refuses what is longer than its longest string.
Napi::Value to_string(Napi::Env env, const std::string& text) {
  napi_value value = nullptr;
  if (napi_create_string_utf8(env, text.data(), text.size(), &value) == napi_ok) return {env, value};
  throw Error("invalid_input", "decode: the text of the tokens has " + std::to_string(text.size()) +
                                   " bytes, more than a string can hold");
}

// Encodes on one of libuv's threads and settles a promise.
class EncodeWorker : public Napi::AsyncWorker {
 public:
  EncodeWorker(Napi::Env env, std::shared_ptr<const Tokenizer> tokenizer, std::string text,
               bool add_special_tokens)
      : Napi::AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        tokenizer_(std::move(tokenizer)),
        text_(std::move(text)),
        add_special_tokens_(add_special_tokens) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      tokenizer_->encode(text_, add_special_tokens_, ids_);
    } catch (...) {
      failure_ = current_failure();
      throw;  // so that OnError is called
    }
  }
  void OnOK() override { deferred_.Resolve(to_int32_array(Env(), ids_)); }
  void OnError(const Napi::Error&) override { deferred_.Reject(to_js_error(Env(), failure_).Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::string text_;
  bool add_special_tokens_;
  std::vector<int32_t> ids_;
  Failure failure_;
};

class TokenizerBinding : public Napi::ObjectWrap<TokenizerBinding> {
 public:
  static void define(Napi::Env env, Napi::Object exports) {
    exports.Set("Tokenizer", DefineClass(env, "Tokenizer",
                                         {
                                             InstanceMethod<&TokenizerBinding::encode>("encode"),
                                             InstanceMethod<&TokenizerBinding::encode_async>("encodeAsync"),
                                             InstanceMethod<&TokenizerBinding::decode>("decode"),
                                             InstanceMethod<&TokenizerBinding::token_bytes>("tokenBytes"),
                                             InstanceMethod<&TokenizerBinding::id_of>("idOf"),
                                             InstanceMethod<&TokenizerBinding::is_special>("isSpecial"),
                                             InstanceMethod<&TokenizerBinding::size>("size"),
                                             InstanceMethod<&TokenizerBinding::forget>("forget"),
                                         }));
  }

  explicit TokenizerBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TokenizerBinding>(info) {
    guarded(info.Env(), [&] {
      const TokenizerDefinition definition = read_definition(info[0]);
      tokenizer_ = Tokenizer::create(definition);
      info.This().As<Napi::Object>().TypeTag(&kTokenizerTag);
      account(info.Env(), memory_of(definition));
    });
  }

  void Finalize(Napi::BasicEnv env) override { account(env, -accounted_); }

  std::shared_ptr<const Tokenizer> tokenizer() const { return tokenizer_; }

 private:
  Napi::Value encode(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      std::vector<int32_t> ids;
      tokenizer_->encode(text_argument(info, 0), flag_argument(info, 1), ids);
      return to_int32_array(info.Env(), ids);
    });
  }

  Napi::Value encode_async(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      auto* worker = new EncodeWorker(info.Env(), tokenizer_, text_argument(info, 0), flag_argument(info, 1));
      const Napi::Promise promise = worker->promise();
      worker->Queue();  // which deletes it in the end
      return promise;
    });
  }

  Napi::Value decode(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const bool skip_special_tokens = flag_argument(info, 1), goes_on = flag_argument(info, 2);
      return to_string(info.Env(), tokenizer_->decode(ids_argument(info, 0), skip_special_tokens, goes_on));
    });
  }

  Napi::Value token_bytes(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const std::string_view bytes = tokenizer_->token_bytes(info[0].ToNumber().Int32Value());
      Napi::Uint8Array array = Napi::Uint8Array::New(info.Env(), bytes.size());
      std::copy(bytes.begin(), bytes.end(), array.Data());
      return array;
    });
  }

  Napi::Value id_of(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      return Napi::Number::New(info.Env(), tokenizer_->id_of(text_argument(info, 0)));
    });
  }

  Napi::Value is_special(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      return Napi::Boolean::New(info.Env(), tokenizer_->is_special(info[0].ToNumber().Int32Value()));
    });
  }

  void forget(const Napi::CallbackInfo&) { tokenizer_->forget(); }

  Napi::Value size(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), tokenizer_->size());
  }

  // The collector of JavaScript's memory cannot see ours: untold, it leaves tokenizers that nobody holds
  // until much else is garbage.
  void account(Napi::BasicEnv env, int64_t bytes) {
    Napi::MemoryManagement::AdjustExternalMemory(env, bytes);
    accounted_ += bytes;
  }

  std::shared_ptr<const Tokenizer> tokenizer_;
  int64_t accounted_ = 0;
};

class TokenDecoderBinding : public Napi::ObjectWrap<TokenDecoderBinding> {
 public:
  static void define(Napi::Env env, Napi::Object exports) {
    exports.Set("TokenDecoder", DefineClass(env, "TokenDecoder",
                                            {
                                                InstanceMethod<&TokenDecoderBinding::push>("push"),
                                                InstanceMethod<&TokenDecoderBinding::end>("end"),
                                            }));
  }

  explicit TokenDecoderBinding(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<TokenDecoderBinding>(info), decoder_(guarded(info.Env(), [&] {
          return TokenDecoder(unwrap_tokenizer(info[0]), flag_argument(info, 1), flag_argument(info, 2));
        })) {}

 private:
  Napi::Value push(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      std::string text;
      decoder_.push(info[0].ToNumber().Int32Value(), text);
      return Napi::String::New(info.Env(), text);
    });
  }

  Napi::Value end(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      std::string text;
      decoder_.end(text);
      return Napi::String::New(info.Env(), text);
    });
  }

  TokenDecoder decoder_;
};

}  // namespace

void export_tokenizer(Napi::Env env, Napi::Object exports) {
  TokenizerBinding::define(env, exports);
  TokenDecoderBinding::define(env, exports);
}

std::shared_ptr<const Tokenizer> unwrap_tokenizer(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTokenizerTag))
    throw Error("internal", "expected a native Tokenizer");
  return TokenizerBinding::Unwrap(value.As<Napi::Object>())->tokenizer();
}

}  // namespace quern
