// A model of random numbers in files, its plan, and the same model in float64.
#pragma once
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/format.h"
#include "folder.h"
#include "numbers.h"
#include "plan_lines.h"
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

  // As lib/checkpoint/plan-text.ts writes it.
  std::string plan() const {
    std::string text =
        "quern-plan 3\nconfig hidden 48\nconfig vocab 307\nconfig norm_eps 0.001\nconfig context_length "
        "400\nconfig tied_embeddings 0\nrope 0 theta 1000\nrope 0 dim 12\n" +
        LayerLine{2, 4, 2, 16, 96, true, true}.text();
    for (size_t file = 0; file < 2; ++file)
      text += "file " + std::to_string(file) + " " + std::to_string(bytes_[file].size()) + " " +
              escaped(paths_[file]) + "\n";
    text += "seed 0\n";
    for (const std::string& line : weights_) text += line;
    return text + "end\n";
  }

  // The same model, the rows of every matrix in another order: the halves of one alternate in a tensor, as
  // the halves of heads do in some files; of the next, every second row is in a tensor of float32.
  std::string interleaved_plan() {
    std::string bytes(48, kGap), text = plan();
    for (const Place& place : places_) {
      if (place.rows == 1) continue;
      const Format& format = format_of(place.dtype);
      const auto row = static_cast<size_t>(format.row_bytes(place.cols));
      const auto stored = [&](int i) {
        return bytes_[place.file].substr(place.offset + static_cast<size_t>(i) * row, row);
      };
      const auto part = [&](const char* dtype, int first, int count, int stride, size_t file, size_t offset) {
        std::ostringstream line;
        line << "part " << dtype << ' ' << first << ' ' << count << ' ' << stride << ' ' << file << ' '
             << offset;
        return line.str() + '\n';
      };
      std::ostringstream shape;
      shape << "weight " << place.slot << ' ' << name_of(place.dtype) << ' ' << place.rows << ' '
            << place.cols << ' ';
      const std::string head = shape.str();
      std::string lines = head + "parts\n";
      const size_t offset = bytes.size();
      if (place.number % 2 == 0) {
        const int half = place.rows / 2, rest = place.rows % 2;
        for (int i = 0; i < half; ++i) bytes += stored(i) + stored(half + i);
        if (rest) bytes += stored(2 * half);
        const char* const dtype = name_of(place.dtype).data();
        lines += part(dtype, 0, half, 2, 2, offset) + part(dtype, 1, half, 2, 2, offset);
        if (rest) lines += part(dtype, 2 * half, 1, 1, 2, offset);
      } else {
        std::vector<float> numbers(static_cast<size_t>(place.cols));
        for (int i = 0; i < place.rows; ++i) {
          decode_row(format, reinterpret_cast<const std::byte*>(stored(i).data()), place.cols,
                     numbers.data());
          if (i % 2) bytes.append(reinterpret_cast<const char*>(numbers.data()), 4 * numbers.size());
          lines += i % 2 ? part("f32", i / 2, 1, 7, 2, offset)
                         : part(name_of(place.dtype).data(), i, 1, 1, place.file, place.offset);
        }
      }
      const size_t at = text.find(head), end = text.find('\n', at) + 1;
      text.replace(at, end - at, lines);
    }
    const std::string path = folder_.write("weights 2", bytes);
    std::ostringstream file;
    file << "file 2 " << bytes.size() << ' ' << escaped(path) << '\n';
    return text.insert(text.find("seed "), file.str());
  }

 private:
  struct Place {
    std::string slot;
    Dtype dtype;
    int rows, cols;
    size_t number, file, offset;
  };

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
    places_.push_back({slot, dtype, rows, cols, number, file, bytes.size()});
    bytes.append(static_cast<const char*>(numbers.data()), numbers.size() * size_of(dtype));
    weight_bytes_ += numbers.size() * size_of(dtype);
  }

  static constexpr char kGap = '\x7f';

  Folder folder_;
  ReferenceDecoder reference_{48, 4, 2, 16, 96, 307, 12, 1000, 0.001, {}, {}, {}, {}};
  std::string bytes_[2], paths_[2];
  std::vector<std::string> weights_;
  std::vector<Place> places_;
  uint64_t weight_bytes_ = 0;
};

}  // namespace quern::test
