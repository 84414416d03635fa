#include "apply/view_whitening.h"

#include <gtest/gtest.h>

#include <cmath>

#include "apply/augmented_images.h"
#include "apply/place_layers.h"
#include "base/random.h"

namespace metaplastic {
namespace {

constexpr int kViewRows = 400, kViewInputs = 6;

// Rows that differ in inputs 0 to 2; their views differ from them in inputs 3 to 5 alone.
struct RowsWithViews {
  std::shared_ptr<const RowSource> rows, views;
};
RowsWithViews rows_with_views() {
  Random random(3, Purpose::kTest);
  std::vector<float> rows, views;
  for (int n = 0; n < kViewRows; ++n) {
    for (int k = 0; k < kViewInputs; ++k) {
      const float own = random.normal();
      rows.push_back(2 + own);
      views.push_back(2 + (k < 3 ? own : random.normal()));
    }
  }
  return {rows_of(rows, kViewInputs), rows_of(views, kViewInputs)};
}

double column_variance(const std::vector<float>& values, int width, int column) {
  double sum = 0, square = 0;
  for (int n = 0; n < kViewRows; ++n) {
    const double v = static_cast<double>(values[static_cast<std::size_t>(n * width + column)]);
    sum += v;
    square += v * v;
  }
  return square / kViewRows - sum / kViewRows * (sum / kViewRows);
}

// Inputs 3 to 5 vary as much between views as between rows, so the three leading directions do not
// read them. Between the views, inputs 0 to 2 have no variance but the offset, 0.3 of the mean
// diagonal of (0, 0, 0, 1, 1, 1) times the squared scale: a variance of 1 / 0.15 is left of 1.
TEST(ViewWhitening, KeepsWhatTellsRowsApart) {
  const RowsWithViews data = rows_with_views();
  const WindowWhitening whitening = fit_view_whitening(*data.rows, *data.views);
  ASSERT_EQ(whitening.num_directions(), kViewInputs);
  for (int k = 0; k < kViewInputs; ++k) {
    double leading = 0, all = 0;
    for (int m = 0; m < kViewInputs; ++m) {
      const double w = std::abs(
          static_cast<double>(whitening.matrix[static_cast<std::size_t>(k * kViewInputs + m)]));
      all += w;
      if (m < 3) leading += w;
    }
    // Chance correlations of 400 rows are of size 1 / 20.
    EXPECT_EQ(leading > 0.8 * all, k < 3) << k;
    EXPECT_EQ(leading < 0.2 * all, k >= 3) << k;
  }
  const std::vector<float> made = read_all_rows(*whiten_rows(*data.rows, whitening));
  for (int m = 0; m < kViewInputs; ++m) {
    const double expected = m < 3 ? 1 / 0.15 : 1 / 1.15;
    EXPECT_NEAR(column_variance(made, kViewInputs, m), expected, 0.25 * expected) << m;
  }
}

TEST(ViewWhitening, IsFoldedIntoTheLayerAbove) {
  const RowsWithViews data = rows_with_views();
  const WindowWhitening whitening = fit_view_whitening(*data.rows, *data.views);
  Random random(6, Purpose::kTest);
  FoldedLayer layer{std::vector<float>(kViewInputs * 3), std::vector<float>(3)};
  for (float& w : layer.W) w = random.normal();
  for (float& b : layer.b) b = random.normal();
  std::vector<float> expected(kViewRows * 3), found(kViewRows * 3), packed;
  const std::vector<float> whitened = read_all_rows(*whiten_rows(*data.rows, whitening));
  run_folded(layer, Unary::kRelu, kViewRows, whitened.data(), expected.data(), packed);
  whitening.fold_into(layer);
  run_folded(layer, Unary::kRelu, kViewRows, read_all_rows(*data.rows).data(), found.data(),
             packed);
  // Values of size 10 after sums of six products of size 10.
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-4f);
}

// 4,000 products of about 1 and a bias that takes them away. A rounding of a partial sum below 256
// is at most 1.5e-5: 4,000 of them, in random directions, have a deviation of 5.6e-4. One sum of
// all rounds sums of up to 4,000, with a deviation of some 4e-3.
TEST(RunFolded, ShortSumsRoundLess) {
  constexpr int kLongSum = 4000, kSums = 5;
  Random random(7, Purpose::kTest);
  FoldedLayer layer{std::vector<float>(kLongSum * kSums), std::vector<float>(kSums, -kLongSum)};
  for (float& w : layer.W) w = 1 + 0.1f * random.normal();
  std::vector<float> row(kLongSum), found(kSums), packed;
  for (float& x : row) x = 1 + 0.1f * random.normal();
  run_folded(layer, Unary::kIdentity, 1, row.data(), found.data(), packed, 256);
  for (std::size_t u = 0; u < kSums; ++u) {
    double exact = -kLongSum;
    for (std::size_t k = 0; k < kLongSum; ++k)
      exact += static_cast<double>(row[k]) * static_cast<double>(layer.W[k * kSums + u]);
    EXPECT_NEAR(static_cast<double>(found[u]), exact, 0.002);
  }
}

TEST(ViewWhitening, LeavesRowsThatAreAllAlike) {
  const auto rows = rows_of(std::vector<float>(40, 0.25f), 4);
  const WindowWhitening whitening = fit_view_whitening(*rows, *rows);
  const std::vector<float> made = read_all_rows(*whiten_rows(*rows, whitening));
  EXPECT_EQ(made, std::vector<float>(40, 0.0f));
}

// A picture of one colour stays one of one colour, in range; every view is a function of its row.
TEST(AugmentedImages, AreViewsOfEachRow) {
  const ImageShape shape{12, 10, 3};
  std::vector<float> values;
  Random random(8, Purpose::kTest);
  for (int n = 0; n < 30; ++n) {
    const float grey = random.uniform(0.2f, 0.6f);
    for (std::int64_t i = 0; i < shape.size(); ++i)
      values.push_back(n < 15 ? grey : random.uniform(0.0f, 1.0f));
  }
  const auto images = rows_of(values, static_cast<int>(shape.size()));
  const AugmentedImages views(images, shape, 4);
  const std::vector<float> seen = read_all_rows(views);
  ASSERT_EQ(seen.size(), values.size());
  const auto size = static_cast<std::size_t>(shape.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_GE(seen[i], 0);
    EXPECT_LE(seen[i], 1);
    // Rounding of sums of four pixels of size 1.
    if (i < 15 * size) {
      EXPECT_NEAR(seen[i], seen[i / size * size], 1e-5f);
    }
  }
  EXPECT_NE(seen, values);
  std::vector<float> later(2 * size);
  views.read_rows(20, 2, later);
  EXPECT_TRUE(std::equal(later.begin(), later.end(),
                         seen.begin() + static_cast<std::ptrdiff_t>(20 * size)));
  EXPECT_NE(seen, read_all_rows(AugmentedImages(images, shape, 5)));
}

}  // namespace
}  // namespace metaplastic
