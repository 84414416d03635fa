// Targets by one mean and one scale, as the released code has them, and the bias that they ask for.
#include "objective/ridge.h"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>

#include "base/random.h"

namespace metaplastic {
namespace {

constexpr int kRidgeClasses = 3, kRidgeUnits = 4, kRidgeExamples = 6;
const std::vector<int> kSupportLabels = {0, 1, 2, 0, 1, 2}, kQueryLabels = {0, 0, 0, 1, 1, 2};
const std::vector<float> kSupportCoefficients = {3, 4, 5, 4, 3, 5},
                         kQueryCoefficients = {1, 2, 1, 2, 1, 5};

ProbeTargets<double> scalar_targets() {
  ProbeTargets<double> targets;
  make_probe_targets<double>(kRidgeClasses, kSupportLabels, kSupportCoefficients, kQueryLabels,
                             kQueryCoefficients, targets, TargetNorm::kScalar);
  return targets;
}

Eigen::MatrixXd random_features(std::uint32_t step) {
  Random random(3, Purpose::kTest, 0, step);
  Eigen::MatrixXd features(kRidgeExamples, kRidgeUnits);
  for (double& value : features.reshaped()) value = random.normal();
  return features;
}

TEST(ScalarTargets, HaveMeanZeroAndExamplesOfLengthOne) {
  const ProbeTargets<double> targets = scalar_targets();
  EXPECT_EQ(targets.num_targets, kRidgeClasses + 1);
  for (const std::vector<double>& values : {targets.support, targets.query}) {
    double sum = 0, squares = 0;
    for (const double value : values) sum += value, squares += value * value;
    EXPECT_NEAR(sum, 0, 1e-12);
    EXPECT_NEAR(squares / kRidgeExamples, 1, 1e-5);  // kTargetEps
  }
  // By the numbers of one: label 0 of the support is (1, 0, 0, 3) before centring.
  double mean = 0, squares = 0;
  for (const float value : kSupportCoefficients) mean += value + 1.0;
  mean /= 4 * kRidgeExamples;
  for (const float value : kSupportCoefficients)
    squares += std::pow(value - mean, 2) + std::pow(1 - mean, 2) + 2 * mean * mean;
  const double scale = 1 / std::sqrt(squares / kRidgeExamples + 1e-6);
  EXPECT_NEAR(targets.support[0], (1 - mean) * scale, 1e-12);
  EXPECT_NEAR(targets.support[3 * kRidgeExamples], (3 - mean) * scale, 1e-12);
}

// The same fit with a column of ones whose weight has no penalty, solved at once.
TEST(ScalarTargets, AreFittedWithABias) {
  const ProbeTargets<double> targets = scalar_targets();
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto Y = static_cast<Eigen::Index>(targets.num_targets);
  const RowMajor y = Eigen::Map<const RowMajor>(targets.support.data(), Y, kRidgeExamples);
  const RowMajor y_query = Eigen::Map<const RowMajor>(targets.query.data(), Y, kRidgeExamples);
  const Eigen::MatrixXd support = random_features(0), query = random_features(1);
  Eigen::MatrixXd ones(kRidgeExamples, kRidgeUnits + 1);
  ones << support, Eigen::VectorXd::Ones(kRidgeExamples);
  const double lambda = 0.3;
  Eigen::MatrixXd gram = ones.transpose() * ones;
  gram.topLeftCorner(kRidgeUnits, kRidgeUnits).diagonal().array() += lambda;
  const Eigen::MatrixXd weights = gram.lu().solve(ones.transpose() * y.transpose());
  ones << query, Eigen::VectorXd::Ones(kRidgeExamples);
  const Eigen::MatrixXd predicted = ones * weights;
  double expected = 0;
  for (Eigen::Index m = 0; m < kRidgeExamples; ++m) {
    expected += (1 - predicted.row(m).dot(y_query.col(m)) /
                         (predicted.row(m).norm() * y_query.col(m).norm())) /
                kRidgeExamples;
  }
  Tape<double> tape;
  tape.reset(false);
  // [U,1,N]: rows of units.
  const RowMajor x = support.transpose(), q = query.transpose();
  const double found =
      ridge_objective(tape, tape.constant(x.data(), kRidgeUnits, 1, kRidgeExamples),
                      tape.constant(q.data(), kRidgeUnits, 1, kRidgeExamples), targets, lambda,
                      ProbeLoss::kCosine)
          .loss.data[0];
  EXPECT_NEAR(found, expected, 1e-6);  // the cosine's epsilon
  ProbeTargets<double> without = targets;
  without.bias.clear();
  EXPECT_GT(std::abs(ridge_objective(tape, tape.constant(x.data(), kRidgeUnits, 1, kRidgeExamples),
                                     tape.constant(q.data(), kRidgeUnits, 1, kRidgeExamples),
                                     without, lambda, ProbeLoss::kCosine)
                         .loss.data[0] -
                     expected),
            1e-3);
}

}  // namespace
}  // namespace metaplastic
