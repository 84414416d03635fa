// Ridge regression on more rows than are copied: the same solution, in blocks.
#include "objective/linear_probe.h"

#include <gtest/gtest.h>

#include <Eigen/LU>

#include "base/random.h"

namespace metaplastic {
namespace {

TEST(LinearProbe, ManyRowsGiveTheNormalEquationsSolution) {
  constexpr int kF = 40, kN = 110'000, kY = 2;  // above kMaxCopied values
  Random random(8, Purpose::kTest);
  std::vector<float> features(std::size_t{kF} * kN);
  for (float& value : features) value = 1 + random.normal();
  std::vector<int> labels(kN);
  std::vector<std::int64_t> support(kN);
  for (std::size_t n = 0; n < kN; ++n) {
    labels[n] = features[n * kF] + features[n * kF + 1] > 2 ? 1 : 0;
    support[n] = static_cast<std::int64_t>(n);
  }
  constexpr double kLambda = 1000;
  const ProbeWeights weights = probe_weights(features, kF, labels, kY, support, kLambda);
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::MatrixXd x = Eigen::Map<const Rows>(features.data(), kN, kF).cast<double>();
  x.rowwise() -= x.colwise().mean().eval();
  const double square = kN / x.squaredNorm();  // features are divided by their length
  Eigen::VectorXd y(kN);
  for (int n = 0; n < kN; ++n) y[n] = labels[static_cast<std::size_t>(n)];
  y.array() -= y.mean();
  const Eigen::MatrixXd system =
      square * x.transpose() * x + kLambda * Eigen::MatrixXd::Identity(kF, kF);
  const Eigen::VectorXd beta = system.lu().solve(square * x.transpose() * y);
  for (int f = 0; f < kF; ++f) {
    // Products of floats over blocks of 512 rows: 512 eps relative to the largest weight at most.
    EXPECT_NEAR(weights.W[static_cast<std::size_t>(f * kY + 1)], beta[f], 3e-5 * beta.maxCoeff());
  }
}

// Above kMaxFloatFeatures: features of few dimensions, so that each least penalty is a hard system.
TEST(LinearProbe, ManyFeaturesOfManyRowsGiveTheSolutionOfTheirLatentNumbers) {
  constexpr int kF = 2100, kN = 2200, kLatent = 5;
  Random random(10, Purpose::kTest);
  Eigen::MatrixXd mixing(kLatent, kF), latent(kN, kLatent);
  for (double& value : mixing.reshaped()) value = static_cast<double>(random.normal());
  for (double& value : latent.reshaped()) value = static_cast<double>(random.normal());
  const Eigen::MatrixXf mixed = (latent * mixing).cast<float>();
  std::vector<float> features(std::size_t{kF} * kN);
  std::vector<int> labels(kN);
  std::vector<std::int64_t> support(kN);
  for (int n = 0; n < kN; ++n) {
    Eigen::Map<Eigen::RowVectorXf>(features.data() + std::ptrdiff_t{n} * kF, kF) = mixed.row(n);
    labels[static_cast<std::size_t>(n)] = latent(n, 0) + latent(n, 1) > 0 ? 1 : 0;
    support[static_cast<std::size_t>(n)] = n;
  }
  constexpr double kLambda = 10;
  const ProbeWeights weights = probe_weights(features, kF, labels, 2, support, kLambda);
  // Weights lie in the span of the mixing: beta = mixing^T gamma, a system of 5 numbers.
  latent.rowwise() -= latent.colwise().mean().eval();
  Eigen::VectorXd y(kN);
  for (int n = 0; n < kN; ++n) y[n] = labels[static_cast<std::size_t>(n)];
  y.array() -= y.mean();
  const Eigen::MatrixXd within = mixing * mixing.transpose(), all = latent.transpose() * latent;
  const double square = kN / (all * within).trace();
  const Eigen::VectorXd gamma =
      (square * all * within + kLambda * Eigen::MatrixXd::Identity(kLatent, kLatent))
          .lu()
          .solve(square * latent.transpose() * y);
  const Eigen::VectorXd beta = mixing.transpose() * gamma;
  // Features are rounded to 24 bits.
  for (int f = 0; f < kF; f += 50)
    EXPECT_NEAR(static_cast<double>(weights.W[static_cast<std::size_t>(f * 2 + 1)]), beta[f],
                1e-4 * beta.cwiseAbs().maxCoeff());
}

// Forty mixtures of three numbers: what floats round away in their products is far above the least
// penalty, and the system would have negative eigenvalues.
TEST(LinearProbe, ManyRowsOfDependentFeaturesHaveASolutionForEveryPenalty) {
  constexpr int kF = 40, kN = 110'000, kLatent = 3;
  Random random(9, Purpose::kTest);
  std::vector<float> mixing(std::size_t{kF} * kLatent), features;
  for (float& value : mixing) value = random.normal();
  std::vector<int> labels;
  std::vector<std::int64_t> support;
  for (int n = 0; n < kN; ++n) {
    float latent[kLatent];
    for (float& value : latent) value = random.normal();
    for (std::size_t f = 0; f < kF; ++f) {
      float sum = 0;
      for (std::size_t l = 0; l < kLatent; ++l) sum += mixing[f * kLatent + l] * latent[l];
      features.push_back(sum);
    }
    labels.push_back(latent[0] > 0 ? 1 : 0);
    support.push_back(n);
  }
  for (const double accuracy :
       probe_accuracies(features, kF, labels, 2, {support, support}, lambda_grid())) {
    EXPECT_GT(accuracy, 0.98);
  }
}

}  // namespace
}  // namespace metaplastic
