// Rules whose mix and settings follow the data: the adjoint by central differences in double, the
// start that changes nothing, files by names.
#include "rule/resolve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/random.h"
#include "io/json_text.h"
#include "io/test_folder.h"
#include "rule/classical.h"
#include "rule/layout_file.h"

namespace metaplastic {
namespace {

RuleSizes traits_sizes() {
  RuleSizes sizes{.C = 5, .D = 3, .G = 2};
  sizes.views = "neighbours";
  sizes.settings = "traits";
  sizes.trait_units = 4;
  return sizes;
}

Traits some_traits(std::uint32_t stream) {
  Random random(4, Purpose::kTest, 0, stream);
  Traits traits;
  for (double& value : traits) value = random.normal();
  return traits;
}

TEST(Resolve, AdjointEqualsCentralDifferences) {
  const ThetaLayout layout(traits_sizes());
  const auto P = static_cast<std::size_t>(layout.size());
  Random random(2, Purpose::kTest);
  std::vector<double> theta(P);
  for (double& value : theta) value = 0.4 * random.normal();
  for (std::size_t n = 0; n < kNumTraits; ++n)
    theta[static_cast<std::size_t>(layout[ThetaName::kTraitsScale].offset) + n] =
        1 + 0.1 * double(n);
  const Traits traits = some_traits(1);
  // A linear function of all that comes out, so that its bars are known.
  const ThetaLayout plain(plain_sizes(layout.sizes()));
  std::vector<double> plain_bar(static_cast<std::size_t>(plain.size()));
  for (double& value : plain_bar) value = random.normal();
  RawSettings<double> raw_bar;
  for (double& value : raw_bar) value = random.normal();
  const auto value_at = [&](const std::vector<double>& at) {
    const ResolvedTheta<double> found = resolve_theta(layout, at.data(), traits);
    double sum = 0;
    for (std::size_t i = 0; i < plain_bar.size(); ++i) sum += plain_bar[i] * found.theta[i];
    for (std::size_t n = 0; n < kNumSettings; ++n) sum += raw_bar[n] * found.raw[n];
    return sum;
  };
  std::vector<double> theta_bar(P, 0.0);
  resolve_theta_vjp(layout, theta.data(), traits, plain_bar.data(), raw_bar, theta_bar.data());
  const std::int64_t first_measured = layout[ThetaName::kTraitsMean].offset,
                     after_measured = layout[ThetaName::kTraitsIn].offset;
  constexpr double h = 1e-5;
  for (std::size_t i = 0; i < P; ++i) {
    const auto at = static_cast<std::int64_t>(i);
    if (at >= first_measured && at < after_measured) {
      EXPECT_EQ(theta_bar[i], 0) << "measured, never trained";
      continue;
    }
    std::vector<double> more = theta, less = theta;
    more[i] += h, less[i] -= h;
    EXPECT_NEAR(theta_bar[i], (value_at(more) - value_at(less)) / (2 * h), 1e-8) << i;
  }
}

TEST(Resolve, StartsAsThePlainRuleWhateverTheTraits) {
  const Rule start = make_classical_rule("agree-neighbours", traits_sizes(), 3);
  for (const std::uint32_t stream : {1u, 2u}) {
    const ResolvedRule found = resolve(start, some_traits(stream));
    EXPECT_EQ(found.rule.sizes, plain_sizes(start.sizes));
    EXPECT_EQ(found.rule.theta,
              make_classical_rule("agree-neighbours", plain_sizes(start.sizes), 3).theta);
    EXPECT_EQ(found.rule.inner.inner_lr, start.inner.inner_lr);
    for (const double factor : found.settings.factors) EXPECT_NEAR(factor, 1, 1e-12);
  }
}

TEST(Resolve, FollowsTheTraits) {
  Rule rule = make_classical_rule("agree-neighbours", traits_sizes(), 3);
  const ThetaLayout layout(rule.sizes);
  for (const ThetaName name : {ThetaName::kTraitsMix, ThetaName::kTraitsSettings})
    std::fill_n(rule.theta.begin() + layout[name].offset, layout[name].size(), 0.3f);
  const ResolvedRule one = resolve(rule, some_traits(1)), other = resolve(rule, some_traits(2));
  EXPECT_NE(one.rule.theta, other.rule.theta);
  EXPECT_NE(one.settings.factors, other.settings.factors);
  EXPECT_NEAR(one.rule.inner.inner_lr, rule.inner.inner_lr * one.settings[SettingName::kStep],
              1e-12);
}

TEST(Settings, HaveSlopeOneAndStayInTheirBounds) {
  for (std::size_t n = 0; n < kNumSettings; ++n) {
    const auto name = static_cast<SettingName>(n);
    EXPECT_NEAR(setting_factor(name, 0), 1, 1e-12);
    EXPECT_NEAR(setting_slope(name, 0), 1, 1e-12);
    for (const double raw : {-3.0, -0.4, 0.2, 1.5}) {
      constexpr double h = 1e-6;
      EXPECT_NEAR(setting_slope(name, raw),
                  (setting_factor(name, raw + h) - setting_factor(name, raw - h)) / (2 * h), 1e-6);
    }
    EXPECT_LE(setting_factor(name, 100), setting_rows()[n].reach * (1 + 1e-9));
    EXPECT_GE(setting_factor(name, -100), 0);
  }
}

TEST(RuleFile, KeepsSettingsAndTraitsByName) {
  const TestFolder folder;
  Rule rule = make_classical_rule("agree-neighbours", traits_sizes(), 3);
  const ThetaLayout layout(rule.sizes);
  Random random(6, Purpose::kTest);
  for (std::int64_t i = layout[ThetaName::kSettings].offset; i < layout.size(); ++i)
    rule.theta[static_cast<std::size_t>(i)] = random.normal();
  TensorFile file = rule_tensors(rule);
  EXPECT_EQ(file.metadata.at("rule_version"), "3");
  EXPECT_EQ(rule_from_tensors(file).theta, rule.theta);
  EXPECT_EQ(rule_from_tensors(file).sizes, rule.sizes);
  // A file of a program that has the first two traits the other way round.
  nlohmann::json names = parse_json(file.metadata.at(kConditionsKey));
  std::swap(names["traits"][0], names["traits"][1]);
  file.metadata[kConditionsKey] = names.dump();
  const std::vector<float> swapped = rule_from_tensors(file).theta;
  const auto mean = static_cast<std::size_t>(layout[ThetaName::kTraitsMean].offset);
  EXPECT_EQ(swapped[mean], rule.theta[mean + 1]);
  EXPECT_EQ(swapped[mean + 1], rule.theta[mean]);
  EXPECT_EQ(swapped[mean + 2], rule.theta[mean + 2]);
  file.metadata[kConditionsKey] = "{\"settings\": 3}";
  EXPECT_THROW(rule_from_tensors(file), Error);
}

TEST(RuleFile, WithoutSettingsIsWhatItWas) {
  const TensorFile file = rule_tensors(make_classical_rule("agree", classical_sizes("agree"), 1));
  EXPECT_EQ(file.metadata.at("rule_version"), "2");
  EXPECT_FALSE(file.metadata.contains(kConditionsKey));
  EXPECT_EQ(file.metadata.at("sizes").find("settings"), std::string::npos);
}

TEST(ThetaLayout, WithoutANetworkHasTheTermsWithoutReadouts) {
  RuleSizes sizes = classical_sizes("agree-neighbours");
  sizes.network = "none";
  const ThetaLayout layout(sizes);
  EXPECT_FALSE(layout.has_networks());
  EXPECT_EQ(layout.size(), layout.num_terms());
  EXPECT_GE(layout.term_index("agree"), 0);
  EXPECT_EQ(layout.term_index("rbf"), -1);
  const Rule rule = make_classical_rule("agree-neighbours", sizes, 1);
  EXPECT_EQ(rule_from_tensors(rule_tensors(rule)).theta, rule.theta);
}

}  // namespace
}  // namespace metaplastic
