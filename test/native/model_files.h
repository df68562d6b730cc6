// A model of random numbers in files, its plan, and the same model in float64.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "folder.h"
#include "numbers.h"
#include "reference_decoder.h"

namespace quern::test {

// Two layers with everything that a layer may have. Weights of all storage types lie in two files, with gaps
// between and behind them.
class ModelFiles {
 public:
  ModelFiles() {
    const int q_rows = reference_.heads * reference_.head_dim,
              kv_rows = reference_.kv_heads * reference_.head_dim;
    const int hidden = reference_.hidden, head_dim = reference_.head_dim, ffn = reference_.ffn;
    add("embed", reference_.vocab, hidden, 1, reference_.embed);
    reference_.layers.resize(2);
    for (size_t i = 0; i < 2; ++i) {
      const std::string at = "layers." + std::to_string(i) + ".";
      ReferenceLayer& layer = reference_.layers[i];
      add(at + "attention_norm", 1, hidden, 2, layer.attention_norm);
      add(at + "q", q_rows, hidden, 0.3f, layer.q);
      add(at + "k", kv_rows, hidden, 0.3f, layer.k);
      add(at + "v", kv_rows, hidden, 0.3f, layer.v);
      add(at + "q_bias", 1, q_rows, 0.3f, layer.q_bias);
      add(at + "k_bias", 1, kv_rows, 0.3f, layer.k_bias);
      add(at + "v_bias", 1, kv_rows, 0.3f, layer.v_bias);
      add(at + "q_norm", 1, head_dim, 2, layer.q_norm);
      add(at + "k_norm", 1, head_dim, 2, layer.k_norm);
      add(at + "o", hidden, q_rows, 0.3f, layer.o);
      add(at + "ffn_norm", 1, hidden, 2, layer.ffn_norm);
      add(at + "gate", ffn, hidden, 0.3f, layer.gate);
      add(at + "up", ffn, hidden, 0.3f, layer.up);
      add(at + "down", hidden, ffn, 0.3f, layer.down);
    }
    add("final_norm", 1, hidden, 2, reference_.final_norm);
    add("head", reference_.vocab, hidden, 0.4f, reference_.head);
    for (std::string& bytes : bytes_) bytes.append(16, kGap);
    for (size_t file = 0; file < 2; ++file)
      paths_[file] = folder_.write("weights " + std::to_string(file), bytes_[file]);
  }

  const ReferenceDecoder& reference() const { return reference_; }
  const std::string& path(size_t file) const { return paths_[file]; }
  uint64_t weight_bytes() const { return weight_bytes_; }

  // As lib/checkpoint/plan.ts writes it.
  std::string plan() const {
    std::string text =
        "quern-plan 1\nconfig layers 2\nconfig hidden 48\nconfig heads 4\nconfig kv_heads 2\nconfig head_dim "
        "16\n"
        "config ffn 96\nconfig vocab 307\nconfig norm_eps 0.001\nconfig context_length 400\nconfig rope_dim "
        "12\n"
        "config rope_theta 1000\nconfig qk_norm 1\nconfig qkv_bias 1\nconfig tied_embeddings 0\n";
    for (size_t file = 0; file < 2; ++file)
      text += "file " + std::to_string(file) + " " + std::to_string(bytes_[file].size()) + " " +
              escaped(paths_[file]) + "\n";
    text += "seed 0\n";
    for (const std::string& line : weights_) text += line;
    return text + "end\n";
  }

 private:
  static std::string escaped(std::string path) {
    for (size_t at = 0; (at = path.find(' ', at)) != std::string::npos;) path.replace(at, 1, "%20");
    return path;
  }

  void add(const std::string& slot, int rows, int cols, float scale, std::vector<double>& into) {
    const size_t number = weights_.size(), file = number % 2;
    const Dtype dtype = kDtypes[number % std::size(kDtypes)];
    const Stored numbers(
        dtype, Random(number + 1).reals(static_cast<size_t>(rows) * static_cast<size_t>(cols), scale));
    for (size_t i = 0; i < numbers.size(); ++i) into.push_back(double{numbers[i]});
    std::string& bytes = bytes_[file];
    bytes.append(16 - bytes.size() % 16 + 16, kGap);
    weights_.push_back("weight " + slot + " " + std::string(name_of(dtype)) + " " + std::to_string(rows) +
                       " " + std::to_string(cols) + " file " + std::to_string(file) + " " +
                       std::to_string(bytes.size()) + "\n");
    bytes.append(static_cast<const char*>(numbers.data()), numbers.size() * size_of(dtype));
    weight_bytes_ += numbers.size() * size_of(dtype);
  }

  static constexpr char kGap = '\x7f';

  Folder folder_;
  ReferenceDecoder reference_{48, 4, 2, 16, 96, 307, 12, 1000, 0.001, {}, {}, {}, {}};
  std::string bytes_[2], paths_[2];
  std::vector<std::string> weights_;
  uint64_t weight_bytes_ = 0;
};

}  // namespace quern::test
