// Homeostatic biases: what a unit asks of its bias, and where biases end for each activation.
#include "rule/homeostasis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "rule/test_step.h"

namespace metaplastic {
namespace {

TEST(HomeostaticStep, AsksForWhatIsMissingOfTheShareAboveTheMean) {
  const double r = std::sqrt(3.0);
  const std::vector<double> s = {1,  -1,     1,      -1,      // half of the variance above the mean
                                 r,  -1 / r, -1 / r, -1 / r,  // three quarters
                                 -r, 1 / r,  1 / r,  1 / r,   // a quarter
                                 0,  0,      0,      0};      // constant: left alone
  Tape<double> tape;
  tape.reset(false);
  for (const double share : {0.875, 0.6}) {
    const Var<double> step = homeostatic_step(tape, tape.constant(s.data(), 4, 1, 4), share);
    ASSERT_EQ(step.size(), 4);
    const std::vector<double> found(step.data, step.data + 4);
    EXPECT_THAT(found, testing::Pointwise(
                           testing::DoubleNear(1e-12),
                           {6 * (share - 0.5), 6 * (share - 0.75), 6 * (share - 0.25), 0.0}));
  }
}

// Shares of variance above the mean, mean over the units of the last layer, after many inner steps
// of a rule that changes nothing else.
double share_above_mean(const char* bias_mean, Unary activation) {
  constexpr int kInputs = 6, kExamples = 100, kSteps = 500;
  RuleSizes sizes;
  sizes.C = 3, sizes.D = 2, sizes.G = 1;
  sizes.bias_mean = bias_mean;
  const ThetaLayout layout(sizes);
  const std::vector<double> theta(static_cast<std::size_t>(layout.size()), 0.0);
  Architecture architecture;
  architecture.widths = {kInputs, 5, 4};
  architecture.activation = activation;
  std::vector<double> phi = make_phi<double>(architecture, {}, Random(1, Purpose::kPhiInit));
  std::vector<double> x(kInputs * kExamples);
  Random random(2, Purpose::kTest);
  for (double& value : x) value = static_cast<double>(random.normal());
  for (int step = 0; step < kSteps; ++step)
    phi = phi_after_step(layout, theta, architecture, phi, x, 0.1);
  Tape<double> tape;
  tape.reset(false);
  const Activations<double> act =
      forward(tape, phi_leaves(tape, architecture, phi.data()), activation,
              tape.constant(x.data(), kInputs, 1, kExamples), 1);
  const Var<double> s = standardise(tape, act.x[2], 1e-5, 1);
  double share = 0;
  for (std::ptrdiff_t i = 0; i < s.size(); ++i)
    share += s.data[i] > 0 ? s.data[i] * s.data[i] / static_cast<double>(s.size()) : 0;
  return share;
}

// A symmetric activation has half of its variance above the mean where biases stay near 0, and is
// then close to a linear map; a normal z needs a bias of about -2 in sigmoid, -1 in tanh.
TEST(HomeostaticBiases, EndWhereUnitsAnswerToFewExamples) {
  for (const Unary activation : {Unary::kSigmoid, Unary::kTanh}) {
    EXPECT_NEAR(share_above_mean("free", activation), 0.5, 0.06);
    EXPECT_GT(share_above_mean("homeostatic", activation), 0.64);
  }
  for (const Unary activation :
       {Unary::kRelu, Unary::kLeakyRelu, Unary::kElu, Unary::kSoftplus, Unary::kSwish}) {
    const double share = share_above_mean("homeostatic", activation);
    EXPECT_GT(share, share_above_mean("free", activation) + 0.02);
    EXPECT_LT(share, 0.875);
  }
}

}  // namespace
}  // namespace metaplastic
