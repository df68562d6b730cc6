// A kernel for each form of an instruction that the computed GPU knows, on any operands.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace instructions {

// What a form takes.
enum class Operands {
  words,     // any three words, of which it uses what it needs
  matrices,  // words as entries of matrices, for tensor cores
};

struct Form {
  std::string name;  // as PTX spells it
  Operands operands;
  bool is_approximate;  // of one operand, the first; a device may be off by a little
  // Each of `count` threads, a multiple of 128, takes a[i], b[i] and c[i] and gives four words.
  void (*launch)(const uint32_t* a, const uint32_t* b, const uint32_t* c, uint32_t* out, int count);
};
const std::vector<Form>& forms();

}  // namespace instructions
