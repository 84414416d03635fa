#include "chart/series.h"

#include <gtest/gtest.h>

#include <cmath>

namespace metaplastic {
namespace {

std::vector<Point> points_of(const std::vector<double>& values) {
  std::vector<Point> points;
  for (const double value : values) points.push_back({double(points.size()), value, kNoValue});
  return points;
}

TEST(Series, SmoothingIsTheMeanOfNeighboursWithoutGaps) {
  const auto smooth = smoothed(points_of({1, 3, kNoValue, 5, 100}), 1);
  EXPECT_EQ(smooth[0].y, 2);
  EXPECT_EQ(smooth[1].y, 2);
  EXPECT_TRUE(std::isnan(smooth[2].y));
  EXPECT_EQ(smooth[3].y, 52.5);
  EXPECT_EQ(smooth[4].x, 4);
}

TEST(Series, ThinningKeepsPeaksAndOrder) {
  std::vector<double> values(10000, 1.0);
  values[1234] = 9;
  values[1235] = -9;
  values[9999] = 7;
  const auto thin = thinned(points_of(values), 100);
  EXPECT_LE(thin.size(), 100u);
  double low = 0, high = 0;
  for (std::size_t n = 0; n < thin.size(); ++n) {
    low = std::min(low, thin[n].y);
    high = std::max(high, thin[n].y);
    if (n > 0) {
      EXPECT_GT(thin[n].x, thin[n - 1].x);
    }
  }
  EXPECT_EQ(low, -9);
  EXPECT_EQ(high, 9);
  EXPECT_EQ(thin.back().y, 7);
  EXPECT_EQ(thinned(points_of({1, 2, 3}), 100).size(), 3u);
}

}  // namespace
}  // namespace metaplastic
