#include "binding/sampling_binding.h"

#include <vector>

#include "backend/devices.h"
#include "binding/arguments.h"
#include "binding/errors.h"
#include "binding/read_sampling.h"

namespace quern {

namespace {

void check_token(int32_t token, size_t vocab, const char* where) {
  if (token >= 0 && static_cast<size_t>(token) < vocab) return;
  throw Error("invalid_token", std::string(where) + ": token " + std::to_string(token) +
                                   " has no logit: expected ids from 0 to " + std::to_string(vocab - 1));
}

// samplingDistribution(logits: Float32Array, sampling: NativeSampling, tokens: Int32Array, promptTokens:
// number): Float32Array
Napi::Value distribution(const Napi::CallbackInfo& args) {
  Napi::Env env = args.Env();
  return guarded(env, [&]() -> Napi::Value {
    const SamplingOptions sampling = read_sampling(args[1]);
    const auto ids = ids_argument(args, 2);
    const std::vector<int32_t> tokens(ids.begin(), ids.end());
    const int64_t prompt_tokens = args[3].ToNumber().Int64Value();
    if (prompt_tokens < 0 || static_cast<size_t>(prompt_tokens) > tokens.size())
      throw Error("internal", "a prompt longer than the sequence");
    const auto given =
        reals_argument(args, 0);  // last: reading options may run JavaScript, which may free them
    if (given.empty() || given.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
      throw Error("invalid_input", "logits: expected a Float32Array with a number for each token");
    for (const int32_t token : tokens) check_token(token, given.size(), "tokens");
    for (const LogitBias& bias : sampling.logit_bias) check_token(bias.token, given.size(), "logitBias");

    auto probabilities = Napi::Float32Array::New(env, given.size());
    sampling_distribution(
        given, {&sampling, tokens, static_cast<size_t>(prompt_tokens), 0, false, sampling.mirostat_mu},
        {probabilities.Data(), given.size()});
    return probabilities;
  });
}

}  // namespace

void export_sampling(Napi::Env env, Napi::Object exports) {
  exports.Set("samplingDistribution", Napi::Function::New(env, distribution, "samplingDistribution"));
}

}  // namespace quern
