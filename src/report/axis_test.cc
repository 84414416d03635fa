#include "report/axis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace metaplastic {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void expect_sound(const Axis& axis) {
  EXPECT_TRUE(std::isfinite(axis.low) && std::isfinite(axis.high));
  EXPECT_LT(axis.low, axis.high);
  ASSERT_EQ(axis.ticks.size(), axis.labels.size());
  ASSERT_GE(axis.ticks.size(), 1u);
  EXPECT_LE(axis.ticks.size(), 13u);
  for (std::size_t t = 0; t < axis.ticks.size(); ++t) {
    EXPECT_GE(axis.ticks[t], axis.low);
    EXPECT_LE(axis.ticks[t], axis.high);
    if (t > 0) {
      EXPECT_GT(axis.ticks[t], axis.ticks[t - 1]);
      EXPECT_NE(axis.labels[t], axis.labels[t - 1]);
    }
  }
}

TEST(Axis, TicksAreRoundAndCoverTheRange) {
  const Axis axis = linear_axis(0.613, 0.842);
  EXPECT_THAT(axis.labels, ElementsAre("0.60", "0.65", "0.70", "0.75", "0.80", "0.85"));
  EXPECT_DOUBLE_EQ(axis.low, 0.6);
  EXPECT_DOUBLE_EQ(axis.high, 0.85);
}

TEST(Axis, EndsStayWhereTheyMayNotGrow) {
  AxisOptions options;
  options.max_ticks = 5;
  options.whole = true;
  options.grow_low = options.grow_high = false;
  const Axis axis = linear_axis(1, 81, options);
  EXPECT_DOUBLE_EQ(axis.low, 1);
  EXPECT_DOUBLE_EQ(axis.high, 81);
  EXPECT_THAT(axis.labels, ElementsAre("20", "40", "60", "80"));
}

TEST(Axis, WholeTicksHaveNoFractions) {
  AxisOptions options;
  options.whole = true;
  EXPECT_THAT(linear_axis(1, 3, options).ticks, ElementsAre(1, 2, 3));
}

TEST(Axis, LargeNumbersAreShort) {
  EXPECT_THAT(linear_axis(0, 200000).labels, ElementsAre("0", "50k", "100k", "150k", "200k"));
  EXPECT_THAT(linear_axis(0, 4e6).labels, ElementsAre("0", "1M", "2M", "3M", "4M"));
}

TEST(Axis, NegativeAndPositive) {
  EXPECT_THAT(linear_axis(-0.1, 0.3, {4, false, true, true}).labels,
              ElementsAre("-0.1", "0", "0.1", "0.2", "0.3"));
}

TEST(Axis, AnyNumbersGiveAnAxis) {
  for (const double low :
       {0.0, 1.0, -3.0, 0.7071, 1e-300, -1e300, 1e300, -kInfinity, std::nan("")}) {
    for (const double high : {0.0, 1.0, 0.70710000001, 1e-300, 1e9, 1e300, kInfinity}) {
      SCOPED_TRACE(testing::Message() << low << " to " << high);
      expect_sound(linear_axis(low, high));
      expect_sound(log_axis(low, high));
    }
  }
}

TEST(Axis, LogarithmicTicks) {
  const Axis axis = log_axis(0.03, 0.44);
  EXPECT_THAT(axis.labels, ElementsAre("0.02", "0.05", "0.1", "0.2", "0.5"));
  EXPECT_NEAR(axis.share(0.1), std::log(5) / std::log(25), 1e-12);
  EXPECT_THAT(log_axis(1e-3, 1e2).ticks, ElementsAre(DoubleEq(1e-3), DoubleEq(1e-2), DoubleEq(1e-1),
                                                     DoubleEq(1), DoubleEq(10), DoubleEq(100)));
}

TEST(Axis, SharesAreClamped) {
  const Axis axis = linear_axis(0, 10);
  EXPECT_EQ(axis.share(-5), 0);
  EXPECT_EQ(axis.share(5), 0.5);
  EXPECT_EQ(axis.share(1e308), 1);
  EXPECT_EQ(log_axis(1, 10).share(-1), 0);
}

}  // namespace
}  // namespace metaplastic
