#include "binding/tokenizer_binding.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "binding/errors.h"
#include "tokenizer/token_decoder.h"
#include "tokenizer/word_cache.h"

namespace quern {
namespace {

// Marks our objects, so that nothing else is taken for one.
constexpr napi_type_tag kTokenizerTag = {0x5d1c7a9e44b04c7fu, 0x9a3b6f0e2d815c46u};

[[noreturn]] void fail_type(Napi::Env env, const std::string& what) {
  throw to_js_error(env, {"invalid_input", what});
}

template <class T>
std::span<const T> typed_array(const Napi::Object& object, const char* name, napi_typedarray_type type) {
  const Napi::Value value = object.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    fail_type(object.Env(), std::string("tokenizer definition: ") + name + " has the wrong type");
  const auto array = value.As<Napi::TypedArrayOf<T>>();
  return {array.Data(), array.ElementLength()};
}

std::vector<int32_t> int32_vector(const Napi::Object& object, const char* name) {
  const auto values = typed_array<int32_t>(object, name, napi_int32_array);
  return {values.begin(), values.end()};
}

bool flag(const Napi::Object& object, const char* name) {
  return object.Get(name).ToBoolean().Value();
}

Napi::Array list(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsArray())
    fail_type(object.Env(), std::string("tokenizer definition: ") + name + " is no array");
  return value.As<Napi::Array>();
}

AddedToken added_token(const Napi::Object& object) {
  AddedToken token;
  token.id = object.Get("id").ToNumber().Int32Value();
  token.content = object.Get("content").ToString().Utf8Value();
  token.special = flag(object, "special");
  token.lstrip = flag(object, "lstrip");
  token.rstrip = flag(object, "rstrip");
  token.single_word = flag(object, "singleWord");
  token.normalized = flag(object, "normalized");
  return token;
}

PretokenizerStep pretokenizer_step(const Napi::Object& object) {
  const std::string kind = object.Get("kind").ToString().Utf8Value();
  PretokenizerStep step;
  if (kind == "gpt2") {
    step.kind = PretokenizerStep::Kind::kGpt2;
  } else if (kind == "cl100k") {
    step.kind = PretokenizerStep::Kind::kCl100k;
  } else if (kind == "digits") {
    step.kind = PretokenizerStep::Kind::kDigits;
  } else {
    throw Error("invalid_tokenizer", "tokenizer: unknown pre-tokenizer step " + kind);
  }
  step.max_digits = object.Get("maxDigits").ToNumber().Int32Value();
  return step;
}

TokenizerDefinition read_definition(const Napi::Object& object) {
  TokenizerDefinition definition;
  const auto bytes = typed_array<uint8_t>(object, "tokenBytes", napi_uint8_array);
  definition.token_bytes.assign(bytes.begin(), bytes.end());
  const auto offsets = typed_array<uint32_t>(object, "tokenOffsets", napi_uint32_array);
  definition.token_offsets.assign(offsets.begin(), offsets.end());
  for (const uint8_t kind : typed_array<uint8_t>(object, "tokenKinds", napi_uint8_array))
    definition.token_kinds.push_back(static_cast<TokenizerDefinition::TokenKind>(kind));
  const auto merges = typed_array<int32_t>(object, "merges", napi_int32_array);
  if (merges.size() % 3 != 0) throw Error("invalid_tokenizer", "tokenizer: expected merges as triples");
  for (size_t i = 0; i < merges.size(); i += 3)
    definition.merges.push_back({merges[i], merges[i + 1], merges[i + 2]});

  const Napi::Array added = list(object, "addedTokens");
  for (uint32_t i = 0; i < added.Length(); ++i)
    definition.added_tokens.push_back(added_token(added.Get(i).ToObject()));
  const Napi::Array steps = list(object, "pretokenizer");
  for (uint32_t i = 0; i < steps.Length(); ++i)
    definition.pretokenizer.push_back(pretokenizer_step(steps.Get(i).ToObject()));
  definition.nfc = flag(object, "nfc");
  definition.ignore_merges = flag(object, "ignoreMerges");
  definition.prefix = int32_vector(object, "prefix");
  definition.suffix = int32_vector(object, "suffix");
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

std::string string_argument(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsString()) fail_type(info.Env(), "expected a string to encode");
  return info[index].As<Napi::String>().Utf8Value();  // lone surrogates become U+FFFD here
}

std::span<const int32_t> ids_argument(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsTypedArray() || info[index].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    fail_type(info.Env(), "expected an Int32Array of token ids");
  const auto ids = info[index].As<Napi::Int32Array>();
  return {ids.Data(), ids.ElementLength()};
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
      if (!info[0].IsObject()) fail_type(info.Env(), "expected a tokenizer definition");
      const TokenizerDefinition definition = read_definition(info[0].As<Napi::Object>());
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
      tokenizer_->encode(string_argument(info, 0), info[1].ToBoolean(), ids);
      return to_int32_array(info.Env(), ids);
    });
  }

  Napi::Value encode_async(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      auto* worker = new EncodeWorker(info.Env(), tokenizer_, string_argument(info, 0), info[1].ToBoolean());
      const Napi::Promise promise = worker->promise();
      worker->Queue();  // which deletes it in the end
      return promise;
    });
  }

  Napi::Value decode(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const bool skip_special_tokens = info[1].ToBoolean();
      return to_string(info.Env(), tokenizer_->decode(ids_argument(info, 0), skip_special_tokens));
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
      return Napi::Number::New(info.Env(), tokenizer_->id_of(string_argument(info, 0)));
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
          return TokenDecoder(unwrap_tokenizer(info[0]), info[1].ToBoolean());
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
    fail_type(value.Env(), "expected a native Tokenizer");
  return TokenizerBinding::Unwrap(value.As<Napi::Object>())->tokenizer();
}

}  // namespace quern
