#include "apply/input_order.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "apply/apply.h"
#include "apply/training_rows.h"
#include "data/test_gaussians.h"
#include "rule/test_step.h"

namespace metaplastic {
namespace {

constexpr int kInputs = 6;
constexpr std::uint64_t kSeed = 4;

Rule small_metz2019() {
  Rule rule;
  rule.sizes.preset = "metz2019";
  rule.sizes.C = 4, rule.sizes.D = 3, rule.sizes.G = 2, rule.sizes.top_units = 5;
  rule.theta = random_theta(ThetaLayout(rule.sizes), 3);
  return rule;
}

Architecture shuffled_architecture() {
  Architecture architecture;
  architecture.widths = {kInputs, 7, 5};
  return architecture;
}

TEST(InputOrder, MovesRowsOfTheFirstLayerThereAndBack) {
  InputOrder order(small_metz2019().sizes, kInputs, kSeed);
  ASSERT_TRUE(order.is_shuffled());
  const Architecture architecture = shuffled_architecture();
  const std::vector<float> phi = make_phi<float>(architecture, {}, Random(1, Purpose::kTest));
  std::vector<float> moved = phi;
  order.to_rule(architecture, moved);
  EXPECT_NE(moved, phi);
  const auto V2 = static_cast<std::ptrdiff_t>(layer_offsets(architecture, 1).b);
  EXPECT_TRUE(std::equal(moved.begin() + V2, moved.end(), phi.begin() + V2));
  // The input that the rule sees first, in x and in W alike.
  std::vector<float> x = {0, 1, 2, 3, 4, 5};
  const auto first = static_cast<std::ptrdiff_t>(order.inputs(x)[0]);
  EXPECT_TRUE(std::equal(moved.begin(), moved.begin() + 7, phi.begin() + 7 * first));
  EXPECT_FALSE(std::ranges::is_sorted(order.inputs(x)));
  order.to_data(architecture, moved);
  EXPECT_EQ(moved, phi);
}

TEST(InputOrder, IsOfMetz2019AloneAndOfTheSeed) {
  EXPECT_FALSE(InputOrder(RuleSizes{}, kInputs, kSeed).is_shuffled());
  const std::vector<float> x = {0, 1, 2, 3, 4, 5};
  const auto seen = [&](std::uint64_t seed) {
    InputOrder order(small_metz2019().sizes, kInputs, seed);
    const auto inputs = order.inputs(x);
    return std::vector<float>(inputs.begin(), inputs.end());
  };
  EXPECT_EQ(seen(1), seen(1));
  EXPECT_NE(seen(1), seen(2));
}

TEST(InputOrder, ApplyTakesItsStepsOnShuffledInputs) {
  const Dataset data = gaussian_dataset(60, kInputs, 3, 3);
  const Rule rule = small_metz2019();
  const Architecture architecture = shuffled_architecture();
  ApplyOptions options;
  options.model = {{7}, 5, architecture.activation};
  options.inner_batch = 16;
  options.inner_steps = 1;
  options.seed = kSeed;
  const std::vector<float> start =
      make_phi<float>(architecture, rule.inner.phi_init(), Random(kSeed, Purpose::kPhiInit));
  TrainingRows rows(data, kSeed, 16);
  const std::span<const float> x = rows.batch(0);
  const auto step = [&](const std::vector<float>& phi, std::span<const float> inputs) {
    return phi_after_step<float>(ThetaLayout(rule.sizes), rule.theta, architecture, phi,
                                 {inputs.begin(), inputs.end()},
                                 static_cast<float>(rule.inner.inner_lr));
  };
  InputOrder order(rule.sizes, kInputs, kSeed);
  std::vector<float> phi = start;
  order.to_rule(architecture, phi);
  std::vector<float> expected = step(phi, order.inputs(x));
  order.to_data(architecture, expected);
  EXPECT_EQ(apply_rule(rule, data, options).state.phi, expected);
  EXPECT_NE(step(start, x), expected);
}

}  // namespace
}  // namespace metaplastic
