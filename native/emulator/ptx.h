// PTX as it was read: the functions and variables of a text, their names resolved as far as scopes go, and
// not yet what instructions mean (decoder.h). All texts are views of the text that was parsed.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quern::emulator::ptx {

enum class Space { parameter, shared, local, constant, global };

// One element of what a variable holds at first: a number, or where another variable lies.
struct Initial {
  uint64_t value = 0;
  std::string_view symbol;  // empty: none
};

struct Variable {
  Space space = Space::global;
  std::string_view name;
  uint32_t element_bytes = 4, alignment = 4;
  uint64_t bytes = 0;
  bool is_extern = false;  // shared memory whose size the launch gives
  std::vector<Initial> initial;
};

struct Operand {
  enum class Kind {
    none,      // _
    reg,       // a register of the function
    number,    // value, and `real` where it is a decimal with a point
    symbol,    // a special register, a variable of the module, a function or a label
    variable,  // a variable or parameter of the function
    memory,    // [parts[0] + offset]
    vector,    // {parts}
    pair,      // parts[0] | parts[1]
    list,      // (parts)
  };
  Kind kind = Kind::none;
  bool is_negated = false;  // !p
  int index = -1;           // of the register or variable; of a label: the instruction that it names
  uint64_t value = 0;
  bool is_real = false;
  double real = 0;
  int64_t offset = 0;
  std::string_view text;
  std::vector<Operand> parts;
};

struct Instruction {
  std::string_view text;                // as it stands in the source, without what guards it
  std::vector<std::string_view> parts;  // of the opcode, without their points
  std::vector<Operand> operands;
  int guard = -1;  // a predicate register; -1: none
  bool guard_is_negated = false;
  uint32_t place = 0;  // in Text::places
};

struct Function {
  std::string_view name;
  bool is_entry = false, is_declaration = false;
  // Results come first, then parameters, then what the body declares.
  std::vector<Variable> variables;
  uint32_t results = 0, parameters = 0;
  std::vector<uint8_t> registers;  // their bits; 1: a predicate
  std::vector<Instruction> code;
  std::map<std::string_view, std::vector<uint32_t>> branch_targets;  // of brx.idx
  uint32_t max_threads = 1024;
};

// Where an instruction comes from: a line of a source, and where that was inlined.
struct Place {
  uint32_t file = 0, line = 0, column = 0;
  int inlined_at = -1;  // in Text::places
};

struct Text {
  std::string source;
  int target = 0;  // the architecture that it is for: 80, 90 …
  std::map<uint32_t, std::string> files;
  std::vector<Place> places;
  std::vector<Variable> variables;
  std::vector<std::unique_ptr<Function>> functions;

  // "file.cu:line" of an instruction: where its function was written, not the headers that were inlined
  // there.
  std::string describe(uint32_t place) const;
};

// Throws std::runtime_error that names the line of the PTX and quotes what it could not read.
std::unique_ptr<Text> parse(std::string source);

// The bytes of a type as in ".f32" (without the point); 0: not a type.
uint32_t bytes_of_type(std::string_view type);

}  // namespace quern::emulator::ptx
