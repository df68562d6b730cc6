#include "core/bytes_text.h"

#include "check.h"

namespace quern::test {
namespace {

TEST(three_digits_and_exactly) {
  CHECK_EQ(bytes_text(0), "0 bytes");
  CHECK_EQ(bytes_text(999), "999 bytes");
  CHECK_EQ(bytes_text(1000), "1.00 kB (1000 bytes)");
  CHECK_EQ(bytes_text(9996), "10.0 kB (9996 bytes)");
  CHECK_EQ(bytes_text(99'960), "100 kB (99960 bytes)");
  CHECK_EQ(bytes_text(999'600), "1.00 MB (999600 bytes)");
  CHECK_EQ(bytes_text(8'589'934'592), "8.59 GB (8589934592 bytes)");
  CHECK_EQ(bytes_text(5'000'000'000'000'000), "5000 TB (5000000000000000 bytes)");
}

}  // namespace
}  // namespace quern::test
