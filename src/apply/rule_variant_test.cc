// Variants of a rule that walks among neighbours: each changes one thing and nothing else.
#include "apply/rule_variant.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"
#include "neighbours/test_pool.h"
#include "rule/classical.h"
#include "rule/terms.h"

namespace metaplastic {
namespace {

RuleSizes sizes_with_views(const char* views) {
  RuleSizes sizes{"compact", 4, 2, 1};
  sizes.views = views;
  return sizes;
}

Rule random_rule(const char* views) {
  Rule rule;
  rule.sizes = sizes_with_views(views);
  rule.theta = random_theta(ThetaLayout(rule.sizes), 1);
  return rule;
}

TEST(RuleVariant, TheUsualOneComesFirstAndChangesNothing) {
  EXPECT_EQ(rule_variants().front().name, RuleVariant{}.name);
  const Rule rule = random_rule("neighbours"), same = rule_of_variant(rule, find_variant("usual"));
  EXPECT_EQ(same.theta, rule.theta);
  EXPECT_EQ(same.sizes, rule.sizes);
}

TEST(RuleVariant, WeighsTermsOfTheMixOtherwise) {
  const Rule rule = random_rule("neighbours");
  const ThetaLayout layout(rule.sizes);
  for (const auto& [name, signal, times] : {std::tuple("alike", ViewSignal::kShared, 1.0f / 3),
                                            std::tuple("mixed", ViewSignal::kNone, 6.0f)}) {
    SCOPED_TRACE(name);
    std::vector<float> expected = rule.theta;
    float* mix = expected.data() + layout[ThetaName::kMix].offset;
    for (const LayoutTerm& term : layout.terms()) {
      if (term.term->signal == signal) mix[layout.term_index(term.name)] *= times;
    }
    const Rule varied = rule_of_variant(rule, find_variant(name));
    EXPECT_EQ(varied.sizes, rule.sizes);
    ASSERT_EQ(varied.theta.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_FLOAT_EQ(varied.theta[i], expected[i]) << i;
  }
}

// What no second view tells is not read, and the terms that compare views are gone.
TEST(RuleVariant, AloneIsARuleOfOneView) {
  const Rule one = random_rule("one"), grown = with_views(one, "neighbours", 1 / 12.5f);
  const Rule alone = rule_of_variant(grown, find_variant("alone"));
  EXPECT_EQ(alone.sizes, one.sizes);
  ASSERT_EQ(alone.theta.size(), one.theta.size());
  for (std::size_t i = 0; i < one.theta.size(); ++i)
    EXPECT_FLOAT_EQ(alone.theta[i], one.theta[i]) << i;
}

TEST(RuleVariant, PoolsHaveItsWalksNoiseAndAim) {
  const std::vector<float> dense = ones_and_zeros(kU, kP, 0.5f),
                           sparse = ones_and_zeros(60, 400, 0.02f);
  for (const auto& [x, num_inputs] : {std::pair(dense, int(kU)), std::pair(sparse, 60)}) {
    const NeighbourPool usual = pool_of(x, num_inputs);
    const NeighbourPool far = usual.with_settings(find_variant("far").of(usual.settings())),
                        noisy = usual.with_settings(find_variant("noisy").of(usual.settings())),
                        dense_one = usual.with_settings(find_variant("dense").of(usual.settings()));
    EXPECT_EQ(far.mean_hops(), 3 * usual.mean_hops());
    EXPECT_EQ(noisy.settings().noise, 2.5 * usual.settings().noise);
    EXPECT_EQ(dense_one.settings().share, 0.7 * usual.settings().share);
    EXPECT_EQ(noisy.mean_hops(), usual.mean_hops());
    EXPECT_EQ(far.settings().noise, usual.settings().noise);
    EXPECT_EQ(far.settings().share, usual.settings().share);
  }
}

// Of inputs that have one hop as a rule: walks of three have to know where the second one leads.
TEST(RuleVariant, WalksFurtherWhereOneHopIsUsual) {
  const std::vector<float> x = {-1, 1, 2, 3, 5, 8, 13, 21, 34, 55};  // a table of one column
  const NeighbourPool usual(x, 1, {x, 1}),
      far = usual.with_settings(find_variant("far").of(usual.settings()));
  const auto largest = [](const NeighbourPool& pool) {
    Random random = test_random(30);
    std::size_t end = 0;
    for (int n = 0; n < 200; ++n)
      end = std::max(end, pool.walk(pool.nearest(std::vector<float>{-1}), random)[0]);
    return end;
  };
  EXPECT_EQ(largest(usual), kChoices);  // the sixth value, 8
  EXPECT_GT(largest(far), kChoices);
}

TEST(RuleVariant, WhatDoesNotExistIsSaid) {
  EXPECT_EQ(error_line([] { find_variant("fra"); }),
            "variant: expected one of usual, alike, alone, noisy, mixed, dense, far, apart, found "
            "'fra'; did you mean 'far'?");
  check_variant(find_variant("far"), sizes_with_views("neighbours"));
  check_variant(find_variant("usual"), sizes_with_views("one"));
  EXPECT_EQ(error_line([] { check_variant(find_variant("far"), sizes_with_views("two")); }),
            "variant: expected usual for a rule that does not walk among neighbours, found far; "
            "use another rule");
}

}  // namespace
}  // namespace metaplastic
