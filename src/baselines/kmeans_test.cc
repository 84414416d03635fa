#include "baselines/kmeans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "baselines/pca.h"
#include "eval/test_data.h"

namespace metaplastic {
namespace {

TEST(Kmeans, FindsTheCentresOfClusters) {
  constexpr int kU = 5, kY = 4;
  const Dataset data = gaussian_dataset(800, kU, kY, 40);  // 200 rows a cluster, unit noise
  const std::vector<float> rows = read_all_rows(data);
  const Centroids centroids = fit_centroids(rows, kU, kY, 1, 0);
  std::vector<int> found;
  for (int y = 0; y < kY; ++y) {
    std::vector<double> mean(kU, 0.0);
    for (int n = y; n < 800; n += kY) {
      for (int u = 0; u < kU; ++u) {
        mean[static_cast<std::size_t>(u)] +=
            static_cast<double>(rows[static_cast<std::size_t>(n * kU + u)]) / 200;
      }
    }
    int nearest = 0;
    double least = 1e9;
    for (int c = 0; c < kY; ++c) {
      double square = 0;
      for (int u = 0; u < kU; ++u) {
        square +=
            std::pow(static_cast<double>(centroids.values[static_cast<std::size_t>(c * kU + u)]) -
                         mean[static_cast<std::size_t>(u)],
                     2);
      }
      if (square < least) least = square, nearest = c;
    }
    // The centroid is the mean of the same rows, up to the rounding of floats of size 40.
    EXPECT_LT(least, 1e-6) << y;
    found.push_back(nearest);
  }
  std::ranges::sort(found);
  EXPECT_EQ(found, (std::vector<int>{0, 1, 2, 3}));
}

TEST(Kmeans, AFunctionOfTheSeedAndAsManyCentroidsAsRows) {
  const std::vector<float> rows = read_all_rows(gaussian_dataset(60, 3, 3, 2));
  EXPECT_EQ(fit_centroids(rows, 3, 7, 1, 0).values, fit_centroids(rows, 3, 7, 1, 0).values);
  EXPECT_NE(fit_centroids(rows, 3, 7, 1, 0).values, fit_centroids(rows, 3, 7, 2, 0).values);
  // Every row its own centroid, also where rows are equal.
  std::vector<float> equal(5 * 2, 1.0f);
  equal[0] = 3;
  const Centroids all = fit_centroids(equal, 2, 5, 1, 0);
  EXPECT_EQ(all.count(), 5);
  EXPECT_EQ(std::ranges::count(all.values, 3.0f), 1);
}

TEST(Kmeans, TriangleActivationsByHand) {
  const Centroids centroids = {{0, 0, 3, 4, 0, 1}, 2};  // (0,0), (3,4), (0,1)
  const std::vector<float> rows = {0, 0, 3, 4};
  std::vector<float> out(6);
  triangle_features(centroids, rows, 2, out);
  // Distances 0, 5, 1: mean 2.  And 5, 0, sqrt(18): mean 3.0809.
  const float far = std::sqrt(18.0f), mean = (5 + far) / 3;
  const std::vector<float> expected = {2, 0, 1, 0, mean, 0};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(out[i], expected[i], 1e-5f) << i;
}

TEST(Whitening, GivesVariancesNearOneAndDropsWhatDoesNotVary) {
  Random random(5, Purpose::kTest);
  std::vector<float> rows;
  for (int n = 0; n < 2000; ++n) {
    const float a = 10 * random.normal(), b = 4 * random.normal();
    rows.insert(rows.end(), {a + b, a - b, 7});
  }
  const Whitening whitening(rows, 3, 2);
  ASSERT_EQ(whitening.num_components(), 2);
  const std::vector<float> white = whitening.apply(rows, 2000);
  double square[2] = {}, cross = 0;
  for (std::size_t n = 0; n < 2000; ++n) {
    const auto a = static_cast<double>(white[2 * n]), b = static_cast<double>(white[2 * n + 1]);
    square[0] += a * a / 2000, square[1] += b * b / 2000, cross += a * b / 2000;
  }
  // Variances 200 and 32 plus a hundredth of their mean, 1.16.
  EXPECT_NEAR(square[0], 200 / 201.16, 0.01);
  EXPECT_NEAR(square[1], 32 / 33.16, 0.01);
  EXPECT_NEAR(cross, 0, 1e-3);
}

}  // namespace
}  // namespace metaplastic
