// The body of a PTX function: its registers, labels and instructions.
#include <algorithm>
#include <stdexcept>

#include "emulator/ptx_parser.h"

namespace quern::emulator::ptx {

void Parser::parse_body() {
  lexer_.expect("{");
  for (int depth = 1; depth > 0;) {
    if (lexer_.take_if("{")) {
      scopes_.push_back({});
      scopes_.back().parent = scope_;
      scope_ = static_cast<int>(scopes_.size()) - 1;
      ++depth;
    } else if (lexer_.take_if("}")) {
      scope_ = scopes_[static_cast<size_t>(scope_)].parent;
      --depth;
      if (depth > 0) lexer_.take_if(";");
    } else {
      parse_statement();
    }
  }
  resolve_labels();
}

void Parser::parse_statement() {
  if (lexer_.take_if(";")) return;
  if (lexer_.peek().is(".loc")) {
    lexer_.take();
    return parse_place();
  }
  if (lexer_.peek().is(".file")) {
    lexer_.take();
    return parse_file();
  }
  if (lexer_.peek().is(".pragma")) {
    while (!lexer_.take_if(";")) lexer_.take();
    return;
  }
  if (!lexer_.peek().text.starts_with('.')) return parse_instruction();

  const std::string_view directive = lexer_.take().text;
  if (directive == ".reg") {
    parse_registers();
  } else if (directive == ".shared" || directive == ".local" || directive == ".param") {
    const Space space = directive == ".shared"  ? Space::shared
                        : directive == ".local" ? Space::local
                                                : Space::parameter;
    const Variable variable = parse_variable(space);
    scopes_[static_cast<size_t>(scope_)].variables[variable.name] =
        static_cast<int>(function_->variables.size());
    function_->variables.push_back(variable);
  } else {
    lexer_.fail("a statement, not " + std::string(directive));
  }
  lexer_.expect(";");
}

// .reg .type name [<count>] [, name]…
void Parser::parse_registers() {
  const std::string_view type = lexer_.word().substr(1);
  const uint32_t bytes = bytes_of_type(type);
  const uint8_t bits = type == "pred" ? 1 : static_cast<uint8_t>(std::max<uint32_t>(bytes, 2) * 8);
  if (type != "pred" && (bytes == 0 || bytes > 8))
    lexer_.fail("registers of a known type, not " + std::string(type));
  do {
    const std::string_view name = lexer_.word();
    auto& registers = scopes_[static_cast<size_t>(scope_)].registers;
    if (lexer_.take_if("<")) {
      const uint64_t count = lexer_.number();
      lexer_.expect(">");
      registers[name] = -static_cast<int>(function_->registers.size()) - 1;  // the first of a row
      function_->registers.insert(function_->registers.end(), count, bits);
    } else {
      registers[name] = static_cast<int>(function_->registers.size());
      function_->registers.push_back(bits);
    }
  } while (lexer_.take_if(","));
}

void Parser::parse_instruction() {
  Instruction instruction;
  instruction.place = place_;
  if (lexer_.take_if("@")) {
    instruction.guard_is_negated = lexer_.take_if("!");
    const Operand guard = named(lexer_.word());
    if (guard.kind != Operand::Kind::reg) lexer_.fail("a predicate");
    instruction.guard = guard.index;
  }
  const Token first = lexer_.peek();
  const std::string_view opcode = lexer_.word();
  if (lexer_.take_if(":")) {
    if (lexer_.take_if(".branchtargets")) return parse_branch_targets(opcode);
    scopes_[static_cast<size_t>(scope_)].labels[opcode] = static_cast<uint32_t>(function_->code.size());
    return;
  }
  for (size_t begin = 0; begin <= opcode.size();) {
    const size_t end = std::min(opcode.find('.', begin), opcode.size());
    instruction.parts.push_back(opcode.substr(begin, end - begin));
    begin = end + 1;
  }
  if (!lexer_.peek().is(";")) {
    do instruction.operands.push_back(parse_operand());
    while (lexer_.take_if(","));
  }
  instruction.text = lexer_.since(first);
  lexer_.expect(";");
  if (instruction.parts[0] == "bra") jumps_.push_back({function_->code.size(), 0, scope_});
  function_->code.push_back(std::move(instruction));
}

void Parser::parse_branch_targets(std::string_view name) {
  std::vector<std::string_view> targets;
  do targets.push_back(lexer_.word());
  while (lexer_.take_if(","));
  lexer_.expect(";");
  target_lists_[name] = {scope_, targets};
}

Operand Parser::parse_operand() {
  Operand operand;
  if (lexer_.take_if("[")) return parse_address();
  if (lexer_.take_if("{")) {
    operand.kind = Operand::Kind::vector;
    operand.parts = parse_list("}");
    return operand;
  }
  if (lexer_.take_if("(")) {
    operand.kind = Operand::Kind::list;
    operand.parts = parse_list(")");
    return operand;
  }
  operand = parse_simple();
  if (lexer_.take_if("|")) {
    Operand pair;
    pair.kind = Operand::Kind::pair;
    pair.parts = {operand, parse_simple()};
    return pair;
  }
  if (lexer_.take_if("+")) operand.offset = static_cast<int64_t>(lexer_.number());
  return operand;
}

std::vector<Operand> Parser::parse_list(std::string_view end) {
  std::vector<Operand> parts;
  while (!lexer_.take_if(end)) {
    parts.push_back(parse_operand());
    lexer_.take_if(",");
  }
  return parts;
}

Operand Parser::parse_address() {
  Operand address;
  address.kind = Operand::Kind::memory;
  address.parts.push_back(parse_simple());
  while (!lexer_.take_if("]")) {
    if (lexer_.take_if("+")) {
      const bool is_negative = lexer_.take_if("-");
      const auto offset = static_cast<int64_t>(lexer_.number());
      address.offset += is_negative ? -offset : offset;
    } else if (lexer_.take_if("-")) {
      address.offset -= static_cast<int64_t>(lexer_.number());
    } else {
      lexer_.expect(",");
      address.parts.push_back(parse_operand());
    }
  }
  return address;
}

Operand Parser::parse_simple() {
  const bool is_negated = lexer_.take_if("!");
  if (lexer_.peek().kind == Token::Kind::word) {
    Operand operand = named(lexer_.word());
    operand.is_negated = is_negated;
    return operand;
  }
  const bool is_negative = lexer_.take_if("-");
  if (lexer_.peek().kind != Token::Kind::number) lexer_.fail("an operand");
  const Number number = number_of(lexer_.take().text);
  Operand operand;
  operand.kind = Operand::Kind::number;
  operand.is_real = number.is_real;
  operand.real = is_negative ? -number.real : number.real;
  operand.value = is_negative ? 0 - number.bits : number.bits;
  return operand;
}

// A register or variable of this scope or one around it; what is of the module stays a symbol.
Operand Parser::named(std::string_view name) const {
  Operand operand;
  operand.text = name;
  if (name == "_") return operand;
  const size_t digits = name.find_last_not_of("0123456789") + 1;
  for (int at = scope_; at >= 0; at = scopes_[static_cast<size_t>(at)].parent) {
    const Scope& scope = scopes_[static_cast<size_t>(at)];
    if (const auto found = scope.registers.find(name); found != scope.registers.end() && found->second >= 0) {
      operand.kind = Operand::Kind::reg;
      operand.index = found->second;
      return operand;
    }
    const auto row =
        digits < name.size() ? scope.registers.find(name.substr(0, digits)) : scope.registers.end();
    if (row != scope.registers.end() && row->second < 0) {
      operand.kind = Operand::Kind::reg;
      operand.index = -row->second - 1 + std::stoi(std::string(name.substr(digits)));
      return operand;
    }
    if (const auto found = scope.variables.find(name); found != scope.variables.end()) {
      operand.kind = Operand::Kind::variable;
      operand.index = found->second;
      return operand;
    }
  }
  operand.kind = Operand::Kind::symbol;
  return operand;
}

uint32_t Parser::label(int scope, std::string_view name) const {
  for (int at = scope; at >= 0; at = scopes_[static_cast<size_t>(at)].parent) {
    const auto& labels = scopes_[static_cast<size_t>(at)].labels;
    if (const auto found = labels.find(name); found != labels.end()) return found->second;
  }
  throw std::runtime_error("PTX function " + std::string(function_->name) + " has no label " +
                           std::string(name));
}

void Parser::resolve_labels() {
  for (const Jump& jump : jumps_) {
    Operand& target = function_->code[jump.instruction].operands[jump.operand];
    target.index = static_cast<int>(label(jump.scope, target.text));
  }
  for (const auto& [name, list] : target_lists_) {
    for (const std::string_view target : list.second) {
      function_->branch_targets[name].push_back(label(list.first, target));
    }
  }
}

}  // namespace quern::emulator::ptx
