// A decoder in float64, written from the formulas alone: no pages, no batches, no kernels. Slow, and the
// truth.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace quern::test {

struct ReferenceLayer {
  std::vector<double> attention_norm;          // [hidden]
  std::vector<double> q, k, v;                 // [heads or kv_heads * head_dim, hidden]
  std::vector<double> q_bias, k_bias, v_bias;  // all or none
  std::vector<double> q_norm, k_norm;          // [head_dim], both or none
  std::vector<double> o;                       // [hidden, heads * head_dim]
  std::vector<double> ffn_norm;                // [hidden]
  std::vector<double> gate, up;                // [ffn, hidden]
  std::vector<double> down;                    // [hidden, ffn]
};

struct ReferenceDecoder {
  using Numbers = std::vector<double>;

  int hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0, vocab = 0, rope_dim = 0;
  double rope_theta = 10000, norm_eps = 1e-6;
  Numbers embed, final_norm, head;  // [vocab, hidden], [hidden], [vocab, hidden]
  std::vector<ReferenceLayer> layers;
  // What a row sees of the keys before it; the rest might as well never have been there. 0: all.
  int sinks = 0, window = 0;

  // [tokens, vocab]
  Numbers logits(std::span<const int32_t> tokens) const {
    std::vector<Numbers> x;
    for (const int32_t token : tokens)
      x.emplace_back(embed.begin() + int64_t{token} * hidden, embed.begin() + int64_t{token + 1} * hidden);
    for (const ReferenceLayer& layer : layers) run(layer, x);
    Numbers all;
    for (const Numbers& row : x) {
      const Numbers out = product(head, normalised(row, final_norm));
      all.insert(all.end(), out.begin(), out.end());
    }
    return all;
  }

 private:
  void run(const ReferenceLayer& layer, std::vector<Numbers>& x) const {
    std::vector<Numbers> keys, values;
    for (size_t position = 0; position < x.size(); ++position) {
      Numbers& row = x[position];
      const Numbers normed = normalised(row, layer.attention_norm);
      Numbers q = product(layer.q, normed), k = product(layer.k, normed), v = product(layer.v, normed);
      if (!layer.q_bias.empty()) {
        add(q, layer.q_bias);
        add(k, layer.k_bias);
        add(v, layer.v_bias);
      }
      normalise_heads(q, layer.q_norm);
      normalise_heads(k, layer.k_norm);
      keys.push_back(std::move(k));
      values.push_back(std::move(v));
      if (window > 0 && position >= static_cast<size_t>(sinks + window)) {
        keys.erase(keys.begin() + sinks);
        values.erase(values.begin() + sinks);
      }
      add(row, product(layer.o, attended(q, keys, values)));
      const Numbers for_ffn = normalised(row, layer.ffn_norm);
      Numbers gate = product(layer.gate, for_ffn);
      const Numbers up = product(layer.up, for_ffn);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      add(row, product(layer.down, gate));
    }
  }

  // The norm of each head, where there is one.
  void normalise_heads(Numbers& numbers, const Numbers& norm) const {
    if (norm.empty()) return;
    for (auto at = numbers.begin(); at != numbers.end(); at += head_dim) {
      const Numbers normed = normalised({at, at + head_dim}, norm);
      std::copy(normed.begin(), normed.end(), at);
    }
  }

  Numbers rotated(Numbers numbers, size_t position) const {
    for (int i = 0; i < rope_dim / 2; ++i) {
      const double angle = static_cast<double>(position) * std::pow(rope_theta, -2.0 * i / rope_dim);
      const double cos = std::cos(angle), sin = std::sin(angle);
      for (auto at = numbers.begin(); at != numbers.end(); at += head_dim) {
        const double a = at[i], b = at[i + rope_dim / 2];
        at[i] = a * cos - b * sin;
        at[i + rope_dim / 2] = b * cos + a * sin;
      }
    }
    return numbers;
  }

  // Positions count within the cache: they are those of the sequence until something is dropped.
  Numbers attended(const Numbers& unturned, const std::vector<Numbers>& cache,
                   const std::vector<Numbers>& values) const {
    const Numbers q = rotated(unturned, cache.size() - 1);
    std::vector<Numbers> keys;
    for (size_t position = 0; position < cache.size(); ++position)
      keys.push_back(rotated(cache[position], position));
    Numbers out(q.size());
    for (int head_index = 0; head_index < heads; ++head_index) {
      const auto query = q.begin() + head_index * head_dim;
      const int at = head_index / (heads / kv_heads) * head_dim;
      Numbers scores;
      double total = 0;
      for (const Numbers& key : keys) {
        double score = 0;
        for (int d = 0; d < head_dim; ++d) score += query[d] * key[static_cast<size_t>(at + d)];
        scores.push_back(score / std::sqrt(head_dim));
      }
      const double largest = *std::ranges::max_element(scores);
      for (double& score : scores) total += score = std::exp(score - largest);
      for (size_t i = 0; i < values.size(); ++i)
        for (int d = 0; d < head_dim; ++d)
          out[static_cast<size_t>(head_index * head_dim + d)] +=
              scores[i] / total * values[i][static_cast<size_t>(at + d)];
    }
    return out;
  }

  Numbers normalised(const Numbers& x, const Numbers& weight) const {
    double squares = 0;
    for (const double number : x) squares += number * number;
    const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + norm_eps);
    Numbers out(x);
    for (size_t i = 0; i < out.size(); ++i) out[i] *= scale * weight[i];
    return out;
  }

  // matrix [rows, x.size()] times x
  static Numbers product(const Numbers& matrix, const Numbers& x) {
    Numbers out(matrix.size() / x.size());
    for (size_t row = 0; row < out.size(); ++row)
      for (size_t i = 0; i < x.size(); ++i) out[row] += matrix[row * x.size() + i] * x[i];
    return out;
  }

  static void add(Numbers& to, const Numbers& what) {
    for (size_t i = 0; i < to.size(); ++i) to[i] += what[i];
  }
};

}  // namespace quern::test
