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

}  // namespace quern
