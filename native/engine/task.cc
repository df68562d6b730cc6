#include "engine/task.h"

#include <string>

#include "core/error.h"

namespace quern {

void check_token(const char* where, int32_t token, const DecoderConfig& config) {
  if (token >= 0 && token < config.vocab) return;
  throw Error("invalid_token", std::string(where) + "token " + std::to_string(token) +
                                   " is not in the vocabulary: expected ids from 0 to " +
                                   std::to_string(config.vocab - 1));
}

Failure not_finite(const char* what, size_t position) {
  return {"not_finite",
          std::string("expected ") + what + ", got NaN or infinity at token position " +
              std::to_string(position) +
              ": the weights hold NaN, or overflow. Check the model's files, or load it with another dtype "
              "or with precision: 'exact'"};
}

}  // namespace quern
