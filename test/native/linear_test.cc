#include "linear.h"

namespace quern::test {
namespace {

constexpr size_t kSize = 1000;

template <typename Seconds>
bool is_linear(Seconds seconds) {
  const auto measured = [&](size_t size) { return 1e-6 * seconds(static_cast<double>(size)); };
  return check::growth_faster_than_linear(kSize, measured).empty();
}

TEST(linear) {
  CHECK(is_linear([](double n) { return n; }));
  CHECK(is_linear([](double n) { return 500 + n; }));
  CHECK(is_linear([](double n) { return n * std::log(n); }));
  CHECK(is_linear([](double n) { return n > 2 * kSize ? 4 * n : n; }));  // more than a cache holds
  CHECK(is_linear([](double n) { return n * std::min(4.0, std::sqrt(n / kSize)); }));
}

TEST(not_linear) {
  CHECK(!is_linear([](double n) { return n * n; }));
  CHECK(!is_linear([](double n) { return std::pow(n, 1.4); }));
  CHECK(!is_linear([](double n) { return n + n * n / (3 * kSize); }));
}

}  // namespace
}  // namespace quern::test
