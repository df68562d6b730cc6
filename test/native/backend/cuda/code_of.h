#pragma once
#include <string>

#include "core/error.h"

namespace quern::cuda {

// The code of the Error that work() throws; none: "none".
template <typename Work>
std::string code_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return "none";
}

}  // namespace quern::cuda
