// The declarations of a PTX text: files and lines, variables, functions and their parameters.
#include "emulator/ptx_parser.h"

#include <stdexcept>

namespace quern::emulator::ptx {

void Parser::parse() {
  text_.places.push_back({});
  while (lexer_.peek().kind != Token::Kind::end) parse_directive();
}

void Parser::parse_directive() {
  const std::string_view directive = lexer_.word();
  if (directive == ".version" || directive == ".address_size") {
    lexer_.number();
  } else if (directive == ".target") {
    do parse_target(lexer_.word());
    while (lexer_.take_if(","));
  } else if (directive == ".file") {
    parse_file();
  } else if (directive == ".loc") {
    parse_place();
  } else if (directive == ".section") {
    lexer_.word();
    lexer_.skip_braces();
  } else if (directive == ".pragma" || directive == ".alias") {
    while (!lexer_.take_if(";")) lexer_.take();
  } else if (directive == ".visible" || directive == ".weak" || directive == ".common") {
    // who else sees a symbol changes nothing here
  } else if (directive == ".extern") {
    if (lexer_.peek().is(".shared")) {
      lexer_.take();
      text_.variables.push_back(parse_variable(Space::shared));
      text_.variables.back().is_extern = true;
      lexer_.expect(";");
    }
  } else if (directive == ".global" || directive == ".const" || directive == ".shared") {
    const Space space = directive == ".global"  ? Space::global
                        : directive == ".const" ? Space::constant
                                                : Space::shared;
    text_.variables.push_back(parse_variable(space));
    lexer_.expect(";");
  } else if (directive == ".entry" || directive == ".func") {
    parse_function(directive == ".entry");
  } else {
    throw std::runtime_error("PTX has a directive that is not known: " + std::string(directive));
  }
}

// sm_80, sm_90a …, or a word that is no architecture.
void Parser::parse_target(std::string_view word) {
  if (!word.starts_with("sm_")) return;
  text_.target = 0;
  for (const char c : word.substr(3)) {
    if (c >= '0' && c <= '9') text_.target = text_.target * 10 + (c - '0');
  }
}

void Parser::parse_file() {
  const auto index = static_cast<uint32_t>(lexer_.number());
  if (lexer_.peek().kind != Token::Kind::string) lexer_.fail("a file name");
  text_.files[index] = std::string(lexer_.take().text);
  while (lexer_.take_if(",")) lexer_.number();
}

// .loc file line column [, function_name label [+ offset], inlined_at file line column]
void Parser::parse_place() {
  const auto position = [this] {
    std::vector<uint32_t> numbers(3);
    for (uint32_t& number : numbers) number = static_cast<uint32_t>(lexer_.number());
    return numbers;
  };
  const std::vector<uint32_t> here = position();
  Place place{here[0], here[1], here[2]};
  while (lexer_.take_if(",")) {
    if (!lexer_.take_if("function_name")) {
      lexer_.expect("inlined_at");
      const auto outer = place_of_.find(position());
      if (outer != place_of_.end()) place.inlined_at = static_cast<int>(outer->second);
      continue;
    }
    lexer_.word();
    if (lexer_.take_if("+")) lexer_.number();
  }
  place_ = static_cast<uint32_t>(text_.places.size());
  text_.places.push_back(place);
  place_of_[here] = place_;
}

// What follows the space: [.align n] [.v2] .type [.ptr .space .align n] name [[n]]… [= initial]
Variable Parser::parse_variable(Space space) {
  Variable variable;
  variable.space = space;
  uint32_t alignment = 0, vector = 1;
  bool is_pointer = false;
  while (lexer_.peek().text.starts_with('.')) {
    const std::string_view word = lexer_.take().text;
    if (word == ".align") {
      const auto given = static_cast<uint32_t>(lexer_.number());
      if (!is_pointer) alignment = given;  // else of what it points to
    } else if (word == ".v2" || word == ".v4") {
      vector = word == ".v2" ? 2 : 4;
    } else if (word == ".ptr") {
      is_pointer = true;
    } else if (const uint32_t bytes = bytes_of_type(word.substr(1))) {
      variable.element_bytes = bytes;
    } else if (!is_pointer && word != ".attribute") {
      lexer_.fail("a type before this, not " + std::string(word));
    }
  }
  variable.name = lexer_.word();
  uint64_t elements = vector;
  while (lexer_.take_if("[")) {
    elements *= lexer_.peek().is("]") ? 0 : lexer_.number();
    lexer_.expect("]");
  }
  variable.alignment = alignment ? alignment : variable.element_bytes * vector;
  variable.bytes = elements * variable.element_bytes;
  if (lexer_.take_if("=")) parse_initial(variable);
  return variable;
}

void Parser::parse_initial(Variable& variable) {
  if (lexer_.take_if("{")) {
    while (!lexer_.take_if("}")) {
      parse_initial(variable);
      lexer_.take_if(",");
    }
    return;
  }
  Initial initial;
  if (lexer_.peek().kind == Token::Kind::word) {
    initial.symbol = lexer_.word();
    if (initial.symbol == "generic") {
      lexer_.expect("(");
      initial.symbol = lexer_.word();
      lexer_.expect(")");
    }
    if (lexer_.take_if("+")) initial.value = lexer_.number();
  } else {
    const bool is_negative = lexer_.take_if("-");
    const uint64_t value = lexer_.number();
    initial.value = is_negative ? 0 - value : value;
  }
  variable.initial.push_back(initial);
}

void Parser::parse_function(bool is_entry) {
  auto function = std::make_unique<Function>();
  function_ = function.get();
  function_->is_entry = is_entry;
  scopes_.assign(1, {});
  scope_ = 0;
  jumps_.clear();
  target_lists_.clear();
  if (lexer_.peek().is("(")) parse_parameters(function_->results);
  function_->name = lexer_.word();
  if (lexer_.peek().is("(")) parse_parameters(function_->parameters);
  parse_attributes();
  if (lexer_.take_if(";")) {
    function_->is_declaration = true;
  } else {
    parse_body();
  }
  text_.functions.push_back(std::move(function));
}

void Parser::parse_parameters(uint32_t& count) {
  lexer_.expect("(");
  while (!lexer_.take_if(")")) {
    lexer_.expect(".param");
    const Variable parameter = parse_variable(Space::parameter);
    scopes_[0].variables[parameter.name] = static_cast<int>(function_->variables.size());
    function_->variables.push_back(parameter);
    ++count;
    lexer_.take_if(",");
  }
}

void Parser::parse_attributes() {
  while (lexer_.peek().text.starts_with('.')) {
    const std::string_view attribute = lexer_.take().text;
    std::vector<uint64_t> numbers;
    while (lexer_.peek().kind == Token::Kind::number || lexer_.peek().kind == Token::Kind::string) {
      const Token value = lexer_.take();
      if (value.kind == Token::Kind::number) numbers.push_back(number_of(value.text).bits);
      lexer_.take_if(",");
    }
    if (attribute == ".maxntid" || attribute == ".reqntid") {
      uint64_t threads = 1;
      for (const uint64_t number : numbers) threads *= number;
      function_->max_threads = static_cast<uint32_t>(threads);
    }
  }
}

std::unique_ptr<Text> parse(std::string source) {
  auto text = std::make_unique<Text>();
  text->source = std::move(source);
  Parser(*text).parse();
  return text;
}

uint32_t bytes_of_type(std::string_view type) {
  static const std::map<std::string_view, uint32_t>& bytes = *new const std::map<std::string_view, uint32_t>{
      {"b8", 1},   {"u8", 1},  {"s8", 1},  {"b16", 2}, {"u16", 2}, {"s16", 2},   {"f16", 2},
      {"bf16", 2}, {"b32", 4}, {"u32", 4}, {"s32", 4}, {"f32", 4}, {"f16x2", 4}, {"bf16x2", 4},
      {"tf32", 4}, {"b64", 8}, {"u64", 8}, {"s64", 8}, {"f64", 8}, {"b128", 16}, {"pred", 1}};
  const auto found = bytes.find(type);
  return found == bytes.end() ? 0 : found->second;
}

std::string Text::describe(uint32_t place) const {
  const auto is_ours = [this](const Place& at) {
    const auto file = files.find(at.file);
    return file != files.end() && (file->second.ends_with(".cu") || file->second.ends_with(".cuh"));
  };
  if (place >= places.size()) return {};
  const auto name = [this](const Place& at) {
    const auto file = files.find(at.file);
    if (file == files.end()) return std::string();
    const std::string& path = file->second;
    return path.substr(path.rfind('/') + 1) + ":" + std::to_string(at.line);
  };
  std::string text;
  for (int at = static_cast<int>(place); at >= 0; at = places[static_cast<size_t>(at)].inlined_at) {
    const Place& outer = places[static_cast<size_t>(at)];
    if (is_ours(outer)) text += (text.empty() ? "" : " in ") + name(outer);
  }
  return text.empty() ? name(places[place]) : text;
}

}  // namespace quern::emulator::ptx
