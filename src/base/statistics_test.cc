#include "base/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace metaplastic {
namespace {

TEST(Statistics, MeanAndItsErrorOfKnownValues) {
  const std::vector<double> values = {1, 2, 3, 6};  // squares around 3: 4, 1, 0, 9
  EXPECT_EQ(mean(values), 3);
  EXPECT_DOUBLE_EQ(standard_error(values), std::sqrt(14.0 / 3 / 4));
}

TEST(Statistics, OneValueHasNoError) {
  EXPECT_EQ(mean(std::vector<double>{0.7}), 0.7);
  EXPECT_EQ(standard_error(std::vector<double>{0.7}), 0);
}

TEST(Statistics, TheMeanOfOnesIsOne) {
  const std::vector<double> ones(49, 1.0);
  EXPECT_EQ(mean(ones), 1);
  EXPECT_EQ(standard_error(ones), 0);
}

}  // namespace
}  // namespace metaplastic
