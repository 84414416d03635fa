// The estimator backprop-es: settings without a derivative, and chaotic trajectories.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "meta/estimator_parts.h"

namespace metaplastic {
namespace {

// theta [2]; the loss is smooth in the first number, and in the second only by a step function of
// a setting: 1 where theta[1] + shift is above 0.25, else 0.
class StepProblem : public InnerProblem {
 public:
  std::uint64_t task_index() const override { return 4; }
  std::int64_t num_inner_steps() const override { return 3; }
  Window window(std::int64_t inner_step, std::int64_t truncation) const override {
    return {inner_step, truncation, 3};
  }
  std::size_t num_shifted(Shifted) const override { return 1; }
  void shift(Shifted, std::span<const float> shift) override { shift_ = shift[0]; }
  void add_shift_bar(Shifted, std::span<const float>, std::span<const float> bar,
                     std::span<float> theta_bar) override {
    theta_bar[1] += bar[0];
  }
  void advance(const Window&, std::span<const float>, std::vector<float>&) override {}
  TruncationResult loss(const Window&, std::span<const float> theta, std::vector<float>&) override {
    TruncationResult result;
    result.meta_loss = static_cast<double>(theta[0]) * 3 + (theta[1] + shift_ > 0.25f ? 1.0 : 0.0);
    return result;
  }
  TruncationResult gradient(const Window& window, std::span<const float> theta,
                            std::vector<float>& phi, std::span<float> theta_bar) override {
    theta_bar[0] += 3;
    return loss(window, theta, phi);
  }

 private:
  float shift_ = 0;
};

TEST(BackpropEs, HasTheGradientOfTheSmoothedLoss) {
  EstimatorConfig config;
  config.name = "backprop-es";
  config.pairs = 2;
  config.settings_sigma = 0.4;
  const auto estimator = make_estimator(config);
  constexpr int kSeeds = 4000;
  double sum = 0, squares = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    StepProblem problem;
    TrajectoryState state;
    std::vector<float> gradient(2);
    const TruncationResult result = estimator->estimate(problem, std::vector<float>{1.0f, 0.0f},
                                                        std::uint64_t(seed), state, gradient);
    EXPECT_EQ(gradient[0], 3);
    EXPECT_EQ(state.inner_step, 3);
    EXPECT_TRUE(result.finite);
    sum += double(gradient[1]), squares += double(gradient[1]) * double(gradient[1]);
  }
  // d/dx of P(x + 0.4 n > 0.25) at x = 0: the normal density.
  const double expected = std::exp(-0.5 * std::pow(0.25 / 0.4, 2)) / (0.4 * std::sqrt(2 * M_PI));
  const double mean = sum / kSeeds, error = std::sqrt((squares / kSeeds - mean * mean) / kSeeds);
  EXPECT_NEAR(mean, expected, 4 * error);
  EXPECT_LT(error, 0.1 * expected);
}

// A chaotic trajectory: what back-propagation says is of no use. theta [2] are the few numbers
// themselves; the loss is a ripple of a steep slope on a plane.
class ChaoticProblem : public StepProblem {
 public:
  std::size_t num_shifted(Shifted which) const override {
    return which == Shifted::kMixAndSettings ? 2 : 1;
  }
  void shift(Shifted, std::span<const float> shift) override {
    shift_.assign(2, 0.0f);
    std::ranges::copy(shift, shift_.begin());
  }
  void add_shift_bar(Shifted, std::span<const float>, std::span<const float> bar,
                     std::span<float> theta_bar) override {
    for (std::size_t i = 0; i < bar.size(); ++i) theta_bar[i] += bar[i];
  }
  TruncationResult loss(const Window&, std::span<const float> theta, std::vector<float>&) override {
    TruncationResult result;
    const double x = static_cast<double>(theta[0] + shift_[0]),
                 y = static_cast<double>(theta[1] + shift_[1]);
    result.meta_loss = 2 * x - y + 0.01 * std::sin(1e4 * x);
    return result;
  }
  TruncationResult gradient(const Window&, std::span<const float>, std::vector<float>&,
                            std::span<float> theta_bar) override {
    theta_bar[0] += 1e30f;
    TruncationResult result;
    result.tame = false;
    return result;
  }

 private:
  std::vector<float> shift_ = {0.0f, 0.0f};
};

TEST(BackpropEs, ChaoticTrajectoriesHaveTheirSlopeFromWholeRuns) {
  EstimatorConfig config;
  config.name = "backprop-es";
  config.pairs = 1;
  const auto estimator = make_estimator(config);
  constexpr int kSeeds = 4000;
  double sums[2] = {};
  for (int seed = 0; seed < kSeeds; ++seed) {
    ChaoticProblem problem;
    TrajectoryState state;
    std::vector<float> gradient(2);
    const TruncationResult result = estimator->estimate(problem, std::vector<float>{0.5f, 0.5f},
                                                        std::uint64_t(seed), state, gradient);
    EXPECT_TRUE(result.finite);
    EXPECT_FALSE(result.tame);
    EXPECT_EQ(state.inner_step, 3);
    for (const int i : {0, 1}) sums[i] += static_cast<double>(gradient[std::size_t(i)]) / kSeeds;
  }
  EXPECT_NEAR(sums[0], 2, 0.15);
  EXPECT_NEAR(sums[1], -1, 0.15);
}

}  // namespace
}  // namespace metaplastic
