// The goldens as scripts/gpu-cases.mjs writes them, in a folder that can be carried to a machine without
// Node: a folder for every case, with its plan, the files of its weights, prompts, and what is expected of
// them.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace quern::test {

struct GoldenPrompt {
  std::vector<int32_t> ids;
  std::vector<int32_t> positions;   // whose logits are known
  std::vector<int32_t> greedy;      // the tokens behind it; empty: not known
  std::vector<float> logits;        // [positions, vocab]
  std::vector<float> logits_after;  // [vocab], after the last greedy token
};

struct GoldenCase {
  std::string name, plan;     // the plan's text, with the paths of this machine
  double atol = 0, rtol = 0;  // of float32: |got - want| <= atol + rtol |want|
  double loss = 0;            // what bfloat16 costs a logit at most, in the run of the golden's author
  std::vector<GoldenPrompt> prompts;
  size_t vocab = 0;
};

// QUERN_GOLDENS, or where the script writes them.
inline std::filesystem::path golden_folder() {
  const char* const given = std::getenv("QUERN_GOLDENS");
  return given ? given : QUERN_SOURCE_DIR "/build/gpu-cases";
}

inline std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

// A plan's files lie in `folder`.
inline std::string plan_in(const std::filesystem::path& folder, const std::string& plan) {
  std::string escaped, text, line;
  for (const char c : folder.string()) escaped += c == '%' ? "%25" : c == ' ' ? "%20" : std::string(1, c);
  std::istringstream lines(plan);
  while (std::getline(lines, line)) {
    if (line.starts_with("file ")) line.insert(line.rfind(' ') + 1, escaped + "/");
    text += line + "\n";
  }
  return text;
}

inline GoldenCase read_golden_case(const std::filesystem::path& folder) {
  GoldenCase made;
  made.name = folder.filename().string();
  made.plan = plan_in(folder, text_of_file(folder / "plan.txt"));
  std::istringstream plan(made.plan.substr(made.plan.find("config vocab ") + 13)),
      lines(text_of_file(folder / "case.txt"));
  plan >> made.vocab;
  std::string line, word;
  bool ended = false;
  while (!ended && std::getline(lines, line)) {
    std::istringstream words(line);
    words >> word;
    const auto numbers = [&] { return std::vector<int32_t>(std::istream_iterator<int32_t>(words), {}); };
    if (word == "tolerance") words >> made.atol >> made.rtol;
    if (word == "loss") words >> made.loss;
    if (word == "prompt") made.prompts.emplace_back().ids = numbers();
    if (word == "positions") made.prompts.back().positions = numbers();
    if (word == "greedy") made.prompts.back().greedy = numbers();
    ended = word == "end";
  }
  if (!ended || made.vocab == 0) throw std::runtime_error(folder.string() + ": cut short");
  std::ifstream logits(folder / "logits.f32", std::ios::binary);
  const auto rows = [&](size_t count) {
    std::vector<float> read(count * made.vocab);
    const auto bytes = static_cast<std::streamsize>(read.size() * sizeof(float));
    if (!logits.read(reinterpret_cast<char*>(read.data()), bytes))
      throw std::runtime_error(folder.string() + ": logits.f32 is cut short");
    return read;
  };
  for (GoldenPrompt& prompt : made.prompts) {
    prompt.logits = rows(prompt.positions.size());
    if (!prompt.greedy.empty()) prompt.logits_after = rows(1);
  }
  return made;
}

}  // namespace quern::test
