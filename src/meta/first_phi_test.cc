// The first state of a base model, scaled by settings of theta.
#include "meta/first_phi.h"

#include <gtest/gtest.h>

#include "meta/initial_theta.h"
#include "meta/test_config.h"
#include "meta/trajectory.h"

namespace metaplastic {
namespace {

MetaConfig settings_config() {
  MetaConfig config = small_run_config();
  config.rule.bias_mean = "homeostatic";
  config.rule.settings = "trained";
  config.rule.network = "none";
  config.rule.views = "noise";
  config.outer.init_rule = "hebb";
  config.inner.inner_lr = 0.05;
  config.inner.phi_mean_share = 0.3;
  config.inner.activations = {"tanh"};
  config.truncation.judged_state = "mean";
  config.inner.min_T = config.inner.max_T = config.truncation.min_K = config.truncation.max_K = 6;
  return config;
}

RuleSettings some_settings(double weights, double biases) {
  RuleSettings settings;
  settings.values[static_cast<std::size_t>(SettingName::kWeights)] = weights;
  settings.values[static_cast<std::size_t>(SettingName::kBiases)] = biases;
  return settings;
}

TEST(FirstPhi, IsAsIfDrawnByTheSettings) {
  const Architecture architecture{{5, 4, 3}, Unary::kRelu};
  const InnerSettings inner;
  std::vector<float> phi =
      make_phi<float>(architecture, inner.phi_init(), Random(1, Purpose::kTest));
  const std::vector<float> drawn = phi;
  scale_first_phi(architecture, inner, some_settings(inner.weight_std, inner.bias_std), phi);
  EXPECT_EQ(phi, drawn);
  scale_first_phi(architecture, inner, some_settings(0.03, 0.7), phi);
  const std::vector<float> expected =
      make_phi<float>(architecture, {0.03, 0.7, false}, Random(1, Purpose::kTest));
  for (std::size_t i = 0; i < phi.size(); ++i)
    EXPECT_NEAR(phi[i], expected[i], 1e-6f * std::abs(expected[i])) << i;
}

// d meta-loss / d the deviations of weights and biases, through a whole trajectory.
TEST(FirstPhi, GradientBySettingsEqualsCentralDifferences) {
  const MetaConfig config = settings_config();
  config.validate();
  const TaskDistribution tasks(config.tasks);
  const ThetaLayout layout(config.rule);
  const std::vector<float> theta = initial_theta(config, 7);
  TrajectoryWorkspace workspace;
  Slot slot;
  open_slot(config, tasks, 3, 0, 0, slot);
  TrajectoryProblem problem(config, layout, 3, 0, slot, workspace);
  const Window window{0, 0, 6};
  const auto loss = [&](const std::vector<float>& at) {
    std::vector<float> phi = slot.phi;
    return problem.loss(window, at, phi).meta_loss;
  };
  std::vector<float> gradient(theta.size(), 0.0f), phi = slot.phi;
  problem.gradient(window, theta, phi, gradient);
  const auto kind = static_cast<std::size_t>(slot.profile->kind);
  for (const SettingName name : {SettingName::kWeights, SettingName::kBiases}) {
    const std::size_t at = static_cast<std::size_t>(layout[ThetaName::kSettings].offset) +
                           kind * kNumSettings + static_cast<std::size_t>(name);
    constexpr float h = 0.02f;
    std::vector<float> up = theta, down = theta;
    up[at] += h;
    down[at] -= h;
    const double expected = (loss(up) - loss(down)) / (2.0 * static_cast<double>(h));
    EXPECT_GT(std::abs(expected), 1e-4);
    EXPECT_NEAR(static_cast<double>(gradient[at]), expected, 0.02 * std::abs(expected) + 2e-5);
  }
}

}  // namespace
}  // namespace metaplastic
