// Variants of a rule that walks among neighbours: each changes one thing and nothing else.
#include "rule/rule_variant.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"
#include "rule/test_pool.h"

namespace metaplastic {
namespace {

RuleSizes sizes_with_views(const char* views, const char* v_step = "shared") {
  RuleSizes sizes{"compact", 4, 2, 1};
  sizes.views = views, sizes.v_step = v_step;
  return sizes;
}

TEST(RuleVariant, TheUsualOneComesFirstAndChangesNothing) {
  EXPECT_EQ(rule_variants().front().name, RuleVariant{}.name);
  const RuleSizes sizes = sizes_with_views("neighbours");
  const std::vector<float> theta = random_theta(ThetaLayout(sizes), 1);
  EXPECT_EQ(theta_of_variant(theta, sizes, find_variant("usual")), theta);
}

TEST(RuleVariant, SeparateWeighsLessInEveryMix) {
  for (const char* v_step : {"shared", "separate"}) {
    SCOPED_TRACE(v_step);
    const RuleSizes sizes = sizes_with_views("neighbours", v_step);
    const ThetaLayout layout(sizes);
    const std::vector<float> theta = random_theta(layout, 1);
    std::vector<float> expected = theta;
    for (const ThetaName mix : {ThetaName::kMix, ThetaName::kMixV})
      if (layout.has(mix)) expected[static_cast<std::size_t>(layout[mix].offset + 13)] /= 3;
    const std::vector<float> alike = theta_of_variant(theta, sizes, find_variant("alike"));
    ASSERT_EQ(alike.size(), theta.size());
    for (std::size_t i = 0; i < theta.size(); ++i) EXPECT_FLOAT_EQ(alike[i], expected[i]) << i;
  }
}

TEST(RuleVariant, PoolsHaveItsWalksNoiseAndAim) {
  const std::vector<float> dense = ones_and_zeros(kU, kP, 0.5f),
                           sparse = ones_and_zeros(60, 400, 0.02f);
  const auto pool = [](const std::vector<float>& x, int num_inputs, const char* name) {
    return NeighbourPool(x, num_inputs, {x, num_inputs}, find_variant(name));
  };
  for (const auto& [x, num_inputs] : {std::pair(dense, int(kU)), std::pair(sparse, 60)}) {
    const NeighbourPool usual = pool(x, num_inputs, "usual");
    EXPECT_EQ(pool(x, num_inputs, "far").mean_hops(), 3 * usual.mean_hops());
    EXPECT_EQ(pool(x, num_inputs, "noisy").noise(), 2.5 * usual.noise());
    EXPECT_EQ(pool(x, num_inputs, "dense").homeostatic_share(), 0.7 * usual.homeostatic_share());
    EXPECT_EQ(pool(x, num_inputs, "noisy").mean_hops(), usual.mean_hops());
    EXPECT_EQ(pool(x, num_inputs, "far").noise(), usual.noise());
    EXPECT_EQ(pool(x, num_inputs, "far").homeostatic_share(), usual.homeostatic_share());
  }
}

// Of inputs that have one hop as a rule: walks of three have to know where the second one leads.
TEST(RuleVariant, WalksFurtherWhereOneHopIsUsual) {
  const std::vector<float> x = {-1, 1, 2, 3, 5, 8, 13, 21, 34, 55};  // a table of one column
  const NeighbourPool far(x, 1, {x, 1}, find_variant("far")), usual(x, 1, {x, 1});
  const auto largest = [](const NeighbourPool& pool) {
    Random random = test_random(30);
    std::size_t end = 0;
    for (int n = 0; n < 200; ++n)
      end = std::max(end, pool.walk(std::vector<float>{-1}, {}, random)[0]);
    return end;
  };
  EXPECT_EQ(largest(usual), kChoices);  // the sixth value, 8
  EXPECT_GT(largest(far), kChoices);
}

TEST(RuleVariant, WhatDoesNotExistIsSaid) {
  EXPECT_EQ(error_line([] { find_variant("fra"); }),
            "variant: expected one of usual, dense, noisy, alike, far, apart, found 'fra'; did you "
            "mean 'far'?");
  check_variant(find_variant("far"), sizes_with_views("neighbours"));
  check_variant(find_variant("usual"), sizes_with_views("one"));
  EXPECT_EQ(error_line([] { check_variant(find_variant("far"), sizes_with_views("two")); }),
            "variant: expected usual for a rule that does not walk among neighbours, found far; "
            "use another rule");
}

}  // namespace
}  // namespace metaplastic
