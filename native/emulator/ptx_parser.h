// Reads a PTX text into ptx.h: declarations in ptx_parser.cc, the bodies of functions in ptx_body.cc.
#pragma once
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/ptx.h"
#include "emulator/ptx_lexer.h"

namespace quern::emulator::ptx {

// Registers and variables are found by scope, for the blocks of inline assembly give the same names again.
struct Scope {
  std::map<std::string_view, int> registers, variables;
  std::map<std::string_view, uint32_t> labels;
  int parent = -1;
};

class Parser {
 public:
  explicit Parser(Text& text) : text_(text), lexer_(text.source) {}
  void parse();

 private:
  void parse_directive();
  Variable parse_variable(Space space);
  void parse_initial(Variable& variable);
  void parse_function(bool is_entry);
  void parse_parameters(uint32_t& count);
  void parse_attributes();
  void parse_body();
  void parse_statement();
  void parse_registers();
  void parse_instruction();
  void parse_place();
  void parse_target(std::string_view word);
  void parse_file();
  void parse_branch_targets(std::string_view label);
  Operand parse_operand();
  Operand parse_address();
  Operand parse_simple();
  std::vector<Operand> parse_list(std::string_view end);
  Operand named(std::string_view name) const;
  uint32_t label(int scope, std::string_view name) const;
  void resolve_labels();

  Text& text_;
  Lexer lexer_;
  uint32_t place_ = 0;
  std::map<std::vector<uint32_t>, uint32_t> place_of_;  // the newest place with this file, line, column

  Function* function_ = nullptr;
  std::vector<Scope> scopes_;
  int scope_ = -1;
  struct Jump {
    size_t instruction, operand;
    int scope;
  };
  std::vector<Jump> jumps_;
  std::map<std::string_view, std::pair<int, std::vector<std::string_view>>> target_lists_;
};

}  // namespace quern::emulator::ptx
