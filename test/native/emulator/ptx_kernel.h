// Kernels written in PTX, for tests of the interpreter: text in, numbers out, with no nvcc between.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"
#include "emulator/arena.h"
#include "emulator/checker.h"
#include "emulator/launch.h"
#include "emulator/report.h"

namespace ptx_kernel {

using namespace quern::emulator;

inline std::string module_of(const std::string& rest) {
  return ".version 8.0\n.target sm_80\n.address_size 64\n" + rest;
}

// Memory of the device that lives as long as the process.
template <class T>
T* device_array(const std::vector<T>& values) {
  const size_t bytes = std::max<size_t>(values.size() * sizeof(T), 1);
  std::byte* at = Arena::instance().allocate(bytes, 0);
  if (!at) throw std::runtime_error("no memory on the device");
  Arena::instance().touch(at, bytes);
  std::memcpy(at, values.data(), values.size() * sizeof(T));
  return reinterpret_cast<T*>(at);
}

// The first report of what went wrong: "<kind>: <text>"; empty: nothing did.
inline std::string first_report() {
  const std::vector<Report> found = take_reports();
  return found.empty() ? "" : found[0].kind + ": " + found[0].text;
}

// Runs a kernel `k` of a text; the parameters are 64-bit each. What was reported.
inline std::string launch(const std::string& text, const LaunchShape& shape,
                          const std::vector<uint64_t>& parameters) {
  const auto module = load_module(text);
  const Kernel* kernel = find_kernel(*module, "k");
  if (!kernel) throw std::runtime_error("no kernel k");
  print_reports(false);
  take_reports();
  const bool is_fine = run(*kernel, shape, reinterpret_cast<const std::byte*>(parameters.data()));
  const std::string found = first_report();
  print_reports(true);
  if (is_fine != found.empty())
    throw std::runtime_error("a launch that fails reports, and one that does not does not");
  return found;
}

template <class T>
uint64_t address(T* at) {
  return reinterpret_cast<uint64_t>(at);
}

template <class T>
std::string bits_type() {
  return "b" + std::to_string(8 * sizeof(T));
}

// What `body` makes of each element of the inputs: %x0, %x1, %x2, … are its operands and %y is its result,
// %p0 to %p7 are predicates for its use. 100 threads a block, so that there are warps of 4 lanes.
template <class Y, class... X>
std::vector<Y> compute(const std::string& body, const std::vector<X>&... inputs) {
  const size_t counts[] = {inputs.size()...};
  const size_t count = counts[0];
  const std::string types[] = {bits_type<X>()...};
  const size_t sizes[] = {sizeof(X)...};
  std::string declared, loads, registers;
  for (size_t i = 0; i < sizeof...(X); ++i) {
    const std::string n = std::to_string(i);
    if (counts[i] != count) throw std::runtime_error("inputs of other lengths");
    declared += ", .param .u64 in" + n;
    registers += ".reg ." + types[i] + " %x" + n + ";\n";
    loads += "ld.param.u64 %at, [in" + n + "]; mad.wide.u32 %at, %i, " + std::to_string(sizes[i]) +
             ", %at;\nld.global." + types[i] + " %x" + n + ", [%at];\n";
  }
  const std::string text = module_of(
      ".visible .entry k(.param .u64 result" + declared + ") {\n" + registers + ".reg ." + bits_type<Y>() +
      " %y;\n.reg .pred %p<8>, %over;\n.reg .b64 %at, %t<4>;\n.reg .b32 %i, %j, %n;\n"
      "mov.u32 %i, %tid.x; mov.u32 %j, %ctaid.x; mov.u32 %n, %ntid.x;\nmad.lo.u32 %i, %j, %n, "
      "%i;\nsetp.ge.u32 %over, %i, " +
      std::to_string(count) + ";\n@%over bra END;\n" + loads + "{\n" + body +
      "\n}\nld.param.u64 %at, [result];\nmad.wide.u32 %at, %i, " + std::to_string(sizeof(Y)) +
      ", %at;\nst.global." + bits_type<Y>() + " [%at], %y;\nEND: ret;\n}\n");
  Y* result = device_array(std::vector<Y>(count));
  const std::vector<uint64_t> parameters = {address(result), address(device_array(inputs))...};
  const std::string found = launch(text, {{static_cast<uint32_t>((count + 99) / 100)}, {100}, 0}, parameters);
  if (!found.empty()) throw std::runtime_error(body + ": " + found);
  return std::vector<Y>(result, result + count);
}

// Checks `body` against a function of C++, bit by bit, where `inputs` are all pairs (or triples …) side by
// side.
template <class Y, class F, class... X>
void check_against(const std::string& body, F&& reference, const std::vector<X>&... inputs) {
  const std::vector<Y> got = compute<Y>(body, inputs...);
  for (size_t i = 0; i < got.size(); ++i) {
    const Y want = reference(inputs[i]...);
    if (std::memcmp(&want, &got[i], sizeof(Y)) == 0) continue;
    std::string operands;
    ((operands += " " + std::to_string(inputs[i])), ...);
    CHECK_FOR(false,
              body + " of" + operands + " gives " + std::to_string(got[i]) + ", not " + std::to_string(want));
    return;
  }
}

inline uint64_t random_bits() {
  static std::mt19937_64 engine(20);
  return engine();
}

// Where integers have corners, and numbers of all magnitudes.
template <class T>
std::vector<T> integers() {
  constexpr T kLeast = std::numeric_limits<T>::min(), kMost = std::numeric_limits<T>::max();
  std::vector<T> all = {T(0),
                        T(1),
                        T(2),
                        T(3),
                        T(7),
                        T(31),
                        T(32),
                        T(33),
                        T(-1),
                        T(-2),
                        T(-3),
                        T(-128),
                        kLeast,
                        kMost,
                        T(kLeast + 1),
                        T(kMost - 1),
                        T(kMost / 2),
                        T(kMost / 2 + 1),
                        T(0x5555555555555555)};
  for (int i = 0; i < 25; ++i) {
    all.push_back(static_cast<T>(random_bits()));
    all.push_back(static_cast<T>(random_bits() >> (random_bits() % 64)));
  }
  return all;
}

inline std::vector<float> floats() {
  using limits = std::numeric_limits<float>;
  std::vector<float> all;
  for (const float x : {0.0f,
                        limits::denorm_min(),
                        3 * limits::denorm_min(),
                        limits::min() - limits::denorm_min(),
                        limits::min(),
                        1.0f,
                        std::nextafter(1.0f, 2.0f),
                        std::nextafter(1.0f, 0.0f),
                        1.5f,
                        2.0f,
                        3.0f,
                        0.5f,
                        2.5f,
                        65504.0f,
                        65520.0f,
                        16777216.0f,
                        2147483648.0f,
                        4294967296.0f,
                        1e-20f,
                        1e20f,
                        limits::max(),
                        limits::infinity()}) {
    all.push_back(x);
    all.push_back(-x);
  }
  all.push_back(limits::quiet_NaN());
  for (int i = 0; i < 25; ++i) {
    all.push_back(std::bit_cast<float>(static_cast<uint32_t>(random_bits())));
    all.push_back(static_cast<float>(static_cast<double>(random_bits()) / 1e17 - 90));
  }
  return all;
}

template <class T>
std::vector<T> floats_of() {
  std::vector<T> all;
  for (const float x : floats()) all.push_back(static_cast<T>(x));
  if (sizeof(T) == 8) {
    for (int i = 0; i < 50; ++i) all.push_back(std::bit_cast<double>(random_bits()));
  }
  return all;
}

// All pairs of two lists, as two lists.
template <class A, class B>
std::pair<std::vector<A>, std::vector<B>> pairs(const std::vector<A>& a, const std::vector<B>& b) {
  std::pair<std::vector<A>, std::vector<B>> all;
  for (const A x : a) {
    for (const B y : b) {
      all.first.push_back(x);
      all.second.push_back(y);
    }
  }
  return all;
}

// As many elements as another list has, of a list, in any order.
template <class T>
std::vector<T> some_of(const std::vector<T>& list, size_t count) {
  std::vector<T> chosen(count);
  for (T& x : chosen) x = list[random_bits() % list.size()];
  return chosen;
}

}  // namespace ptx_kernel
