// The outer optimiser: its step size, and whose step is longer or shorter.
#include "meta/adam.h"

#include <gtest/gtest.h>

namespace metaplastic {
namespace {

TEST(OuterLrTest, CoolsDownLinearlyToTheEnd) {
  OuterConfig config;
  config.outer_steps = 100;
  OuterConfig cooled = config;
  cooled.cooldown = 0.1;
  EXPECT_EQ(cooldown_start(cooled), 90);
  for (const std::int64_t step : {0, 50, 89}) {
    EXPECT_EQ(outer_lr_at(config, step), outer_lr_at(cooled, step));
  }
  for (const std::int64_t step : {90, 95, 99}) {
    EXPECT_NEAR(outer_lr_at(cooled, step) / outer_lr_at(config, step),
                static_cast<double>(100 - step) / 11, 1e-12);
  }
}

TEST(AdamStepTest, SettingsHaveAStepOfTheirOwnAndTraitUnitsShareIt) {
  RuleSizes sizes;
  sizes.settings = "traits";
  sizes.trait_units = 4;
  const ThetaLayout layout(sizes);
  const std::vector<float> gradient(static_cast<std::size_t>(layout.size()), 1.0f);
  OuterConfig config;
  config.settings_step = 5;
  OuterState state = start_outer_state(std::vector<float>(gradient.size(), 0.0f));
  adam_step(config, layout, gradient, state);
  for (const ThetaEntry& entry : layout.entries()) {
    const auto is = [&](ThetaName name) { return entry.name == layout[name].name; };
    const bool by_traits = is(ThetaName::kTraitsMix) || is(ThetaName::kTraitsSettings);
    const bool of_settings = is(ThetaName::kSettings) || is(ThetaName::kTraitsSettings);
    const double expected = -outer_lr_at(config, 0) * (of_settings ? 5 : 1) / (by_traits ? 4 : 1);
    for (std::int64_t i = 0; i < entry.size(); ++i)
      EXPECT_NEAR(state.theta[static_cast<std::size_t>(entry.offset + i)] / expected, 1, 1e-5);
  }
}

}  // namespace
}  // namespace metaplastic
