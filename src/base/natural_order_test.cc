#include "base/natural_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace metaplastic {
namespace {

TEST(NaturalOrder, NumbersCountAndTheRestIsBytes) {
  const std::vector<std::string> expected = {
      "",      "0",    "1",  "01",  "1.png", "2.png", "10.png", "a",  "a1",       "a01", "a1b2",
      "a1b10", "a2b1", "a9", "a10", "a010x", "b",     "b-1",    "b1", "\xc3\xa4", "\xff"};
  std::vector<std::string> names = expected;
  std::ranges::reverse(names);
  std::ranges::sort(names, natural_less);
  // "01" comes behind "1" only where nothing else differs.
  for (std::size_t n = 1; n < names.size(); ++n) {
    EXPECT_TRUE(natural_less(names[n - 1], names[n])) << names[n - 1] << " " << names[n];
    EXPECT_FALSE(natural_less(names[n], names[n - 1])) << names[n - 1] << " " << names[n];
  }
  EXPECT_TRUE(natural_less("img9", "img10"));
  EXPECT_TRUE(natural_less("img09", "img10"));
  EXPECT_TRUE(natural_less("img9", "img010"));
  EXPECT_TRUE(natural_less("18446744073709551616", "18446744073709551617"));  // beyond 64 bits
  EXPECT_TRUE(natural_less("2", "18446744073709551617"));
  EXPECT_FALSE(natural_less("same", "same"));
}

// Where all numbers have as many digits, it is the order of the bytes.
TEST(NaturalOrder, PaddedNamesKeepTheirOrder) {
  std::vector<std::string> names;
  for (int n = 0; n < 200; ++n) {
    std::string number = std::to_string(n * 37 % 200);
    number.insert(0, 4 - number.size(), '0');
    names.push_back((n % 3 == 0 ? "cat/" : "Dog_") + number + (n % 2 == 0 ? ".png" : "-b.jpg"));
  }
  std::vector<std::string> bytes = names;
  std::ranges::sort(names, natural_less);
  std::ranges::sort(bytes);
  EXPECT_EQ(names, bytes);
}

}  // namespace
}  // namespace metaplastic
