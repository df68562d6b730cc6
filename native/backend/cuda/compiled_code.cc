#include "backend/cuda/compiled_code.h"

#include <algorithm>

namespace quern::cuda {

namespace {

// Runs visit(capability, suffix) for each of a list; the suffix is 0, 'a' or 'f'.
template <typename Visit>
void each(std::string_view list, const Visit& visit) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    int capability = 0;
    char suffix = 0;
    for (const char c : list.substr(0, end)) {
      if (c >= '0' && c <= '9') {
        capability = capability * 10 + (c - '0');
      } else {
        suffix = c;
      }
    }
    visit(capability, suffix);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

struct Best {
  int capability = 0;
  char suffix = 0;
  // What is made for one GPU alone is better than what others run too.
  void take(int other, char other_suffix) {
    if (other > capability || (other == capability && suffix == 0)) *this = {other, other_suffix};
  }
  std::string name(const char* kind) const {
    return kind + std::to_string(capability) + (suffix ? std::string(1, suffix) : "");
  }
};

}  // namespace

CompiledCode compiled_code() {
  return {QUERN_CUDA_ARCHITECTURES, QUERN_CUDA_PTX};
}

std::string code_for(int major, int minor, const CompiledCode& code) {
  const int capability = 10 * major + minor;
  Best best;
  // Code of an older minor version of the same major one runs as it is; with an 'a' on that very one alone.
  each(code.architectures, [&](int compiled, char suffix) {
    const bool runs =
        suffix == 'a' ? compiled == capability : compiled / 10 == major && compiled <= capability;
    if (runs) best.take(compiled, suffix);
  });
  if (best.capability > 0) return best.name("sm_");
  each(code.ptx, [&](int compiled, char suffix) {
    const bool runs = suffix == 0     ? compiled <= capability
                      : suffix == 'a' ? compiled == capability
                                      : compiled / 10 == major && compiled <= capability;
    if (runs) best.take(compiled, suffix);
  });
  return best.capability > 0 ? best.name("compute_") : "";
}

}  // namespace quern::cuda
