#pragma once
#include <string>

#include "core/error.h"

namespace quern::cuda {

// The code of the Error that work() throws; none: "none". `message`: where what it says goes.
template <typename Work>
std::string code_of(const Work& work, std::string* message = nullptr) {
  try {
    work();
  } catch (const Error& error) {
    if (message) *message = error.what();
    return error.code();
  }
  return "none";
}

}  // namespace quern::cuda
