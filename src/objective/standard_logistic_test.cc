#include "objective/standard_logistic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "objective/logistic_solver.h"

namespace metaplastic {
namespace {

// Rows whose columns differ in scale; the last column does not vary.
struct StandardProblem {
  StandardProblem(int num_rows, int num_features, int num_classes) : F(num_features) {
    for (int i = 0; i < num_rows; ++i) {
      labels.push_back(i % num_classes);
      for (int j = 0; j < F; ++j) {
        const double value = (i * 37 + j * 11) % 29 / 7.0 + (i % num_classes == j ? 1.5 : 0);
        features.push_back(j == F - 1 ? 3.0f : static_cast<float>(value * (1 + 10 * j)));
      }
    }
    support.resize(static_cast<std::size_t>(num_rows));
    std::iota(support.begin(), support.end(), 0);
  }
  // Logit of class 1 less that of class 0, for a row.
  double difference(const ProbeWeights& weights, std::size_t row) const {
    const std::size_t Y = weights.b.size();
    double sum = static_cast<double>(weights.b[1]) - static_cast<double>(weights.b[0]);
    for (std::size_t j = 0; j < static_cast<std::size_t>(F); ++j) {
      sum += static_cast<double>(features[row * static_cast<std::size_t>(F) + j]) *
             (static_cast<double>(weights.W[j * Y + 1]) - static_cast<double>(weights.W[j * Y]));
    }
    return sum;
  }

  int F;
  std::vector<float> features;
  std::vector<int> labels;
  std::vector<std::int64_t> support;
};

// log p1 - log p0 of make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10)) of scikit-learn
// 1.2 for rows 0 and 1; for two classes, scikit-learn penalises one vector. The solver stops at
// derivatives of 24e-6 where the curvature is 1 or more: twelve weights, rows of length 2.
TEST(StandardLogistic, IsThatOfScikitLearn) {
  for (const auto& [classes, first, second] :
       {std::tuple{2, -0.8674943, 1.4605237}, {3, -0.2411552, 1.8037331}}) {
    const StandardProblem p(24, 5, classes);
    const ProbeWeights weights =
        standard_logistic_weights(p.features, p.F, p.labels, classes, p.support);
    EXPECT_NEAR(p.difference(weights, 0), first, 2e-4);
    EXPECT_NEAR(p.difference(weights, 1), second, 2e-4);
    for (int y = 0; y < classes; ++y) {
      EXPECT_EQ(weights.W[static_cast<std::size_t>(4 * classes + y)], 0);  // does not vary
    }
  }
}

// With fewer rows than features the problem is solved in the space of the rows: there, too, the
// derivative by every weight is 0.
TEST(LogisticSolver, ReachesTheMinimumWithFewRowsAndWithMany) {
  for (const auto& [rows, features] : {std::pair{9, 30}, {40, 6}}) {
    LogisticMatrix x(rows, features), targets = LogisticMatrix::Zero(rows, 3);
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < features; ++j) x(i, j) = std::sin(1 + i * 12.9898 + j * 78.233);
      targets(i, i % 3) = 1;
    }
    const double lambda = 0.3;
    const LogisticMatrix W = solve_logistic(x, targets, lambda);
    LogisticMatrix residual = (x * W.topRows(features)).rowwise() + W.row(features);
    softmax_rows(residual);
    residual -= targets;
    const LogisticMatrix slope = x.transpose() * residual + lambda * W.topRows(features);
    // The solver stops at 1e-6 for each row; a rotation to the rows' space adds sqrt(features).
    EXPECT_LT(slope.cwiseAbs().maxCoeff(), 1e-6 * rows * std::sqrt(features));
    EXPECT_LT(residual.colwise().sum().cwiseAbs().maxCoeff(), 1e-6 * rows);
    EXPECT_GT(W.topRows(features).norm(), 0.05);
  }
}

}  // namespace
}  // namespace metaplastic
