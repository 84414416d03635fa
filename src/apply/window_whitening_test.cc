#include "apply/window_whitening.h"

#include <gtest/gtest.h>

#include <cmath>

#include "apply/image_views.h"
#include "apply/place_layers.h"
#include "apply/second_views.h"
#include "base/random.h"

namespace metaplastic {
namespace {

constexpr int kWidth = 4;

// Rows whose coordinates are sums of shared and own noise, far from 0.
std::shared_ptr<const RowSource> correlated_rows(int count) {
  Random random(5, Purpose::kTest);
  std::vector<float> values;
  for (int n = 0; n < count; ++n) {
    const float shared = 3 * random.normal();
    for (int k = 0; k < kWidth; ++k)
      values.push_back(shared + 0.5f * static_cast<float>(k + 1) * random.normal() + 7);
  }
  return rows_of(std::move(values), kWidth);
}

// [kWidth,kWidth]
std::vector<double> covariance(const RowSource& rows) {
  const std::vector<float> values = read_all_rows(rows);
  const auto N = static_cast<std::size_t>(rows.num_rows());
  std::vector<double> mean(kWidth, 0.0), result(kWidth * kWidth, 0.0);
  for (std::size_t n = 0; n < N; ++n) {
    for (std::size_t k = 0; k < kWidth; ++k)
      mean[k] += static_cast<double>(values[n * kWidth + k]) / static_cast<double>(N);
  }
  for (std::size_t n = 0; n < N; ++n) {
    for (std::size_t i = 0; i < kWidth * kWidth; ++i) {
      result[i] += (static_cast<double>(values[n * kWidth + i / kWidth]) - mean[i / kWidth]) *
                   (static_cast<double>(values[n * kWidth + i % kWidth]) - mean[i % kWidth]) /
                   static_cast<double>(N);
    }
  }
  return result;
}

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> c(kWidth * kWidth, 0.0);
  for (std::size_t i = 0; i < kWidth; ++i) {
    for (std::size_t j = 0; j < kWidth; ++j) {
      for (std::size_t k = 0; k < kWidth; ++k)
        c[i * kWidth + j] += a[i * kWidth + k] * b[k * kWidth + j];
    }
  }
  return c;
}

// M = (S + o I)^(-1/2) is symmetric, and M M (S + o I) = I; o is a tenth of the mean eigenvalue,
// which is the trace over K.
TEST(WindowWhitening, IsTheInverseRootOfTheCovarianceWithItsOffset) {
  const auto rows = correlated_rows(6000);
  const WindowWhitening whitening = fit_window_whitening(*rows, 1);
  const std::vector<double> M(whitening.matrix.begin(), whitening.matrix.end());
  std::vector<double> S = covariance(*rows);
  double trace = 0;
  for (std::size_t k = 0; k < kWidth; ++k) trace += S[k * kWidth + k];
  for (std::size_t k = 0; k < kWidth; ++k) S[k * kWidth + k] += 0.1 * trace / kWidth;
  const std::vector<double> identity = product(product(M, M), S);
  for (std::size_t i = 0; i < kWidth * kWidth; ++i) {
    // Floats of size 1 after three products with entries up to 12: 12 * 3 * 4 * 6e-8 * 10.
    EXPECT_NEAR(identity[i], i / kWidth == i % kWidth ? 1 : 0, 1e-4);
    EXPECT_NEAR(M[i], M[i % kWidth * kWidth + i / kWidth], 1e-6);
  }
  const auto read = std::make_shared<const WindowWhitening>(whitening);
  const std::vector<double> after = covariance(WhitenedRows(rows, read));
  const std::vector<double> expected = product(product(M, covariance(*rows)), M);
  for (std::size_t i = 0; i < kWidth * kWidth; ++i) EXPECT_NEAR(after[i], expected[i], 1e-4);
  for (std::size_t k = 0; k < kWidth; ++k) EXPECT_LT(after[k * kWidth + k], 1);  // the offset
}

TEST(WindowWhitening, IsFoldedIntoTheLayerThatLearnedFromIt) {
  const auto rows = correlated_rows(300);
  const auto whitening = std::make_shared<const WindowWhitening>(fit_window_whitening(*rows, 2));
  Random random(6, Purpose::kTest);
  FoldedLayer layer{std::vector<float>(kWidth * 3), std::vector<float>(3)};
  for (float& w : layer.W) w = random.normal();
  for (float& b : layer.b) b = random.normal();
  std::vector<float> expected(900), found(900), packed;
  const std::vector<float> whitened = read_all_rows(WhitenedRows(rows, whitening));
  run_folded(layer, Unary::kRelu, 300, whitened.data(), expected.data(), packed);
  whitening->fold_into(layer);
  run_folded(layer, Unary::kRelu, 300, read_all_rows(*rows).data(), found.data(), packed);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-4f);
}

TEST(WindowWhitening, LeavesWindowsThatAreAllAlike) {
  const auto rows = rows_of(std::vector<float>(40, 0.25f), kWidth);
  const WindowWhitening whitening = fit_window_whitening(*rows, 3);
  std::vector<float> window = {1, 2, 3, 4}, scratch;
  whitening.apply(window.data(), 1, scratch);
  EXPECT_EQ(window, (std::vector<float>{0.75f, 1.75f, 2.75f, 3.75f}));
}

TEST(ImageViews, ShowTheSameImageMoved) {
  const ImageShape shape{16, 16, 2};
  std::vector<float> values(static_cast<std::size_t>(20 * shape.size()));
  for (int n = 0; n < 20; ++n) {  // one bright pixel in the middle
    values[static_cast<std::size_t>(n * shape.size() + (8 * 16 + 8) * 2)] = 1;
  }
  const auto images = rows_of(values, static_cast<int>(shape.size()));
  const ViewedImages views(images, shape, false, 4);
  const std::vector<float> seen = read_all_rows(views);
  EXPECT_EQ(seen, read_all_rows(ViewedImages(images, shape, false, 4)));
  EXPECT_NE(seen, read_all_rows(ViewedImages(images, shape, true, 4)));
  int num_moved = 0;
  for (int n = 0; n < 20; ++n) {
    const auto first = seen.begin() + n * shape.size(), last = first + shape.size();
    const auto at = std::max_element(first, last) - first;
    EXPECT_EQ(at % 2, 0);  // the channel stays
    EXPECT_LE(std::abs(at / 2 / 16 - 8), 2);
    EXPECT_LE(std::abs(at / 2 % 16 - 8), 2);
    num_moved += at != (8 * 16 + 8) * 2;
  }
  EXPECT_GT(num_moved, 10);
  EXPECT_THROW(view_kind_from_name("shift"), Error);
}

TEST(ImageViews, OtherPlacesAreOfTheSameImage) {
  std::vector<float> values;
  for (int row = 0; row < 60; ++row) values.push_back(static_cast<float>(row));
  const OtherPlaces others(rows_of(values, 1), 6, 5);
  const std::vector<float> found = read_all_rows(others);
  int num_other = 0;
  for (int row = 0; row < 60; ++row) {
    EXPECT_EQ(static_cast<int>(found[static_cast<std::size_t>(row)]) / 6, row / 6);
    num_other += static_cast<int>(found[static_cast<std::size_t>(row)]) != row;
  }
  EXPECT_GT(num_other, 30);
}

// The second half of a batch is the partners, but for the noise, which does not know them.
TEST(SecondViews, ArePartnersWhereThereAreSome) {
  const auto rows = correlated_rows(32);
  std::vector<float> other = read_all_rows(*rows);
  for (float& value : other) value += 100;
  RuleSizes sizes;
  sizes.views = "two";
  TrainingRows data(*rows, 7, 8), again(*rows, 7, 8);
  SecondViews alone(sizes, ViewSettings{}, 7, nullptr);
  SecondViews paired(sizes, ViewSettings{}, 7, nullptr, rows_of(other, kWidth));
  const std::span<const float> a = alone.batch(data, 3), b = paired.batch(again, 3);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_NEAR(b[i] - a[i], i / 8 % 2 == 1 ? 100 : 0, 1e-4f);
}

// Filters of normalised windows have no use for a mean, and give flat windows nothing but the bias.
TEST(WindowWhitening, FlatWindowsHaveNoEffect) {
  FoldedLayer layer{{1, -2, 3, 4, 5, 7}, {0.5f, 2}};  // W [3,2]
  centre_weights(layer);
  EXPECT_EQ(layer.W, (std::vector<float>{-2, -5, 0, 1, 2, 4}));
  EXPECT_EQ(layer.b, (std::vector<float>{0.5f, 2}));
}

}  // namespace
}  // namespace metaplastic
