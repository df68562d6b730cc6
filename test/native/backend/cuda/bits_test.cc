// The bits of every operation on fixed numbers, against those that bits.txt says, which the computed GPU
// wrote (scripts/write-bits.sh): so a real one and the computed one are compared. What adds, multiplies,
// divides and takes roots as IEEE says, and tensor cores, must agree; what takes exponentials may be off by a
// little, and only says by how much. What is got is written to the file that QUERN_BITS_WRITE names.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "backend/cuda/attention_case.h"
#include "backend/cuda/made_up_step.h"
#include "backend/cuda/product_case.h"
#include "results.h"

namespace quern::test {
namespace {

using cuda::Encoding;
using cuda::KvType;

constexpr float kEps = 1e-3f;
constexpr size_t kShown = 12;  // numbers of a result that are in the file as they are

// An operation's result in 32 bits a number.
struct Bits {
  size_t numbers = 0;
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  std::vector<uint32_t> first;

  bool operator==(const Bits&) const = default;
};

template <typename T>
Bits bits_of(const std::vector<T>& values) {
  Bits bits;
  bits.numbers = values.size();
  for (const T& value : values) {
    uint32_t word = 0;
    std::memcpy(&word, &value, sizeof value);
    for (int byte = 0; byte < 4; ++byte) bits.hash = (bits.hash ^ (word >> 8 * byte & 255)) * 0x100000001b3u;
    if (bits.first.size() < kShown) bits.first.push_back(word);
  }
  return bits;
}

// The file: a line a result, its name first.
class BitsFile {
 public:
  static BitsFile& instance() {
    static BitsFile file;
    return file;
  }
  const Bits* find(const std::string& name) const {
    const auto found = known_.find(name);
    return found == known_.end() ? nullptr : &found->second;
  }
  void write(const std::string& name, const Bits& bits) {
    if (!out_.is_open()) return;
    out_ << name << ' ' << std::dec << bits.numbers << std::hex << std::setfill('0') << ' ' << std::setw(16)
         << bits.hash;
    for (const uint32_t word : bits.first) out_ << ' ' << std::setw(8) << word;
    out_ << std::endl;
  }

 private:
  BitsFile() {
    if (const char* const path = std::getenv("QUERN_BITS_WRITE")) out_.open(path);
    std::ifstream in(QUERN_SOURCE_DIR "/test/native/backend/cuda/bits.txt");
    for (std::string line, name; std::getline(in, line);) {
      std::istringstream words(line);
      Bits bits;
      words >> name >> bits.numbers >> std::hex >> bits.hash;
      for (uint32_t word; words >> word;) bits.first.push_back(word);
      known_[name] = bits;
    }
  }
  std::map<std::string, Bits> known_;
  std::ofstream out_;
};

enum class Wanted { exact, near };

double number_of(uint32_t word, bool is_f32) {
  if (!is_f32) return from_bf16(static_cast<uint16_t>(word));
  float value;
  std::memcpy(&value, &word, sizeof value);
  return double{value};
}

template <typename T>
void compare(const std::string& name, Wanted wanted, const std::vector<T>& values) {
  BitsFile& file = BitsFile::instance();
  const Bits got = bits_of(values);
  file.write(name, got);
  const Bits* const known = file.find(name);
  CHECK_FOR(known != nullptr, name + " is not in bits.txt: scripts/write-bits.sh writes it");
  if (known == nullptr) return;
  const bool agrees = got == *known;
  double difference = 0;
  std::string words;
  for (size_t i = 0; i < std::min(got.first.size(), known->first.size()); ++i) {
    const double a = number_of(got.first[i], sizeof(T) == 4), b = number_of(known->first[i], sizeof(T) == 4);
    difference = std::max(difference, std::abs(a - b) / (std::abs(b) + 1e-30));
    char pair[24];
    std::snprintf(pair, sizeof pair, " %08x/%08x", got.first[i], known->first[i]);
    words += pair;
  }
  if (!agrees) {
    std::printf("     %s differs, of the first numbers one by %.2g of itself:%s\n", name.c_str(), difference,
                words.c_str());
  }
  CHECK_FOR(agrees || wanted == Wanted::near, name);
  ResultLine()
      .add("bits", name)
      .add("agrees", agrees)
      .add("must", wanted == Wanted::exact)
      .add("difference", difference)
      .write();
}

constexpr const char* kNames[] = {"f32", "f16", "bf16", "int8", "int4"};  // by Encoding

std::string named(const char* operation, Encoding encoding, int rows) {
  return std::string(operation) + "." + kNames[static_cast<int>(encoding)] + ".rows" + std::to_string(rows);
}

TEST(embedding_and_norm) {
  Random random(1);
  for (const Encoding encoding : kEncodings) {
    const EncodedMatrix table(encoding, 37, 108, random);
    const MadeUpStep step({{1, 5}, {9, 0}}, 37, random);
    const DeviceArray<float> x(size_t(step.rows()) * 108);
    cuda::embed({step.tables(), table.matrix(), x.data()}, nullptr);
    compare(named("embed", encoding, step.rows()), Wanted::exact, x.read());
  }
  for (const int cols : {48, 108, 2560}) {
    const DeviceArray<float> x(random.reals(size_t(3 * cols), 2)), weight(random.reals(size_t(cols), 1)),
        out(size_t(3 * cols));
    cuda::norm({x.data(), nullptr, weight.data(), kEps, 3, cols, out.data(), false}, nullptr);
    compare("norm.cols" + std::to_string(cols), Wanted::exact, out.read());
  }
}

// Numbers whose exponents are far apart: sums of tensor cores are aligned to the largest.
std::vector<float> wide(Random& random, size_t count) {
  std::vector<float> values = random.reals(count, 1);
  for (float& value : values) value = std::ldexp(value, random.between(-24, 24));
  return values;
}

TEST(products) {
  Random random(2);
  for (const Encoding encoding : kEncodings) {
    for (const int rows : {1, 9, 70}) {
      for (const bool is_wide : {false, true}) {
        const int n = 75, k = 700;
        const EncodedMatrix w(encoding, n, k, random, true);
        const std::vector<float> in =
            is_wide ? wide(random, size_t(rows * k)) : random.reals(size_t(rows * k), 1);
        const std::vector<float> x = random.reals(size_t(rows * n), 1);
        const Scratch scratch(rows, k, n);
        const std::string suffix = is_wide ? ".wide" : "";
        const DeviceArray<uint16_t> halves(bf16_of(in));
        const DeviceArray<float> whole(in), sum(x), plain_sum(x);
        cuda::matmul_add({w.matrix(), halves.data(), rows, sum.data(), scratch.workspace()}, nullptr);
        compare(named("matmul_add", encoding, rows) + suffix, Wanted::exact, sum.read());
        if (rows == 70) continue;
        cuda::plain_matmul_add({w.matrix(), whole.data(), rows, plain_sum.data(), scratch.workspace()},
                               nullptr);
        compare(named("plain_matmul_add", encoding, rows) + suffix, Wanted::exact, plain_sum.read());
      }
    }
  }
}

TEST(logits) {
  Random random(3);
  const std::vector<int32_t> chosen = {8, 0, 3, 3, 10, 1, 2, 4, 9};
  const DeviceArray<int32_t> chosen_there(chosen);
  for (const Encoding encoding : kEncodings) {
    for (const int rows : {1, 9}) {
      const int hidden = 384, vocab = 131;
      const EncodedMatrix head(encoding, vocab, hidden, random);
      const DeviceArray<float> x(random.reals(size_t(11 * hidden), 3)), norm(random.reals(size_t(hidden), 2)),
          out(size_t(rows * vocab));
      const Scratch scratch(11, hidden, vocab);
      const cuda::Logits op{x.data(), chosen_there.data(), rows,       norm.data(),
                            kEps,     head.matrix(),       out.data(), scratch.workspace()};
      cuda::logits(op, nullptr);
      compare(named("logits", encoding, rows), Wanted::exact, out.read());
      cuda::plain_logits(op, nullptr);
      compare(named("plain_logits", encoding, rows), Wanted::exact, out.read());
    }
  }
}

TEST(feed_forward) {
  Random random(4);
  for (const Encoding encoding : kEncodings) {
    for (const int rows : {1, 9}) {
      const int hidden = 384, ffn = 100;
      const EncodedMatrix gate(encoding, ffn, hidden, random), up(encoding, ffn, hidden, random);
      const DeviceArray<float> x(random.reals(size_t(rows * hidden), 1)),
          norm(random.reals(size_t(hidden), 1)), out(size_t(rows * ffn));
      const DeviceArray<uint16_t> halves(out.size());
      const Scratch scratch(rows, hidden, ffn);
      cuda::FfnInput op{x.data(),      rows,        norm.data(),   kEps,
                        gate.matrix(), up.matrix(), halves.data(), scratch.workspace()};
      cuda::ffn_input(op, nullptr);
      compare(named("ffn_input", encoding, rows), Wanted::near, halves.read());
      op.out = out.data();
      cuda::plain_ffn_input(op, nullptr);
      compare(named("plain_ffn_input", encoding, rows), Wanted::near, out.read());
    }
  }
}

// Queries, and all that lies in the pages afterwards.
TEST(attention_input) {
  Random random(5);
  for (const Encoding encoding : kEncodings) {
    for (const bool is_plain : {false, true}) {
      const int hidden = 384, heads = 4, kv_heads = 2, head_dim = 64, rope_dim = 48;
      const MadeUpStep step({{1, 37}, {7, 0}, {1, 3}}, 100, random);
      const int rows = step.rows();
      const EncodedMatrix q(encoding, heads * head_dim, hidden, random, true),
          k(encoding, kv_heads * head_dim, hidden, random, true),
          v(encoding, kv_heads * head_dim, hidden, random, true);
      const auto there = [&](int count, float scale) {
        return DeviceArray<float>(random.reals(size_t(count), scale));
      };
      const DeviceArray<float> x = there(rows * hidden, 2), norm = there(hidden, 1),
                               q_norm = there(head_dim, 1), k_norm = there(head_dim, 1),
                               cos = there(rows * rope_dim / 2, 1), sin = there(rows * rope_dim / 2, 1);
      const size_t part = size_t(cuda::kPagePositions * head_dim),
                   numbers = size_t(step.pages() * kv_heads) * part;
      DeviceArray<uint16_t> keys(numbers * (is_plain ? 2 : 1)), values(keys.size()),
          queries(size_t(rows * heads * head_dim) * (is_plain ? 2 : 1));
      keys.clear();
      values.clear();
      const Scratch scratch(rows, hidden, (heads + 2 * kv_heads) * head_dim);
      const cuda::AttentionInput op{
          step.tables(),
          x.data(),
          norm.data(),
          kEps,
          q.matrix(),
          k.matrix(),
          v.matrix(),
          q_norm.data(),
          k_norm.data(),
          {cos.data(), sin.data(), rope_dim},
          {keys.data(), values.data(), kv_heads, head_dim, 1, is_plain ? KvType::f32 : KvType::bf16},
          queries.data(),
          scratch.workspace()};
      (is_plain ? cuda::plain_attention_input : cuda::attention_input)(op, nullptr);
      const std::string name = named(is_plain ? "plain_attention_input" : "attention_input", encoding, rows);
      compare(name + ".queries", Wanted::exact, queries.read());
      compare(name + ".keys", Wanted::exact, keys.read());
      compare(name + ".values", Wanted::exact, values.read());
    }
  }
}

TEST(attention) {
  for (const bool is_plain : {false, true}) {
    for (const int head_dim : {64, 128}) {
      for (const int window : {0, 40}) {
        const AttentionShape shape{.heads = 4,
                                   .kv_heads = 2,
                                   .head_dim = head_dim,
                                   .type = is_plain ? KvType::f32 : KvType::bf16,
                                   .window = window,
                                   .has_slopes = head_dim == 128,
                                   .is_plain = is_plain};
        const AttentionTokens one(shape, 1, 300), other(shape, 2, 20);
        compare(std::string(is_plain ? "plain_attention" : "attention") + ".head" + std::to_string(head_dim) +
                    ".window" + std::to_string(window),
                Wanted::near,
                run_attention(is_plain ? cuda::plain_attention : cuda::attention, shape,
                              {{&one, 299, 1}, {&other, 0, 20}, {&one, 200, 2}}));
      }
    }
  }
}

}  // namespace
}  // namespace quern::test
