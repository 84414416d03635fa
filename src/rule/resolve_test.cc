// Rules whose mix and settings follow the data: the adjoint by central differences in double, the
// start that changes nothing, files by names.
#include "rule/resolve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "io/json_text.h"
#include "io/test_folder.h"
#include "rule/classical.h"
#include "rule/constants.h"
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

InnerSettings some_inner() {
  InnerSettings inner;
  inner.inner_lr = 0.07;
  inner.phi_mean_share = 0.3;
  return inner;
}

DataProfile some_profile(std::uint32_t stream) {
  Random random(4, Purpose::kTest, 0, stream);
  DataProfile profile;
  for (double& value : profile.traits) value = random.normal();
  profile.kind = static_cast<ExampleKind>(stream % kNumExampleKinds);
  return profile;
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
  const DataProfile profile = some_profile(1);
  // A linear function of all that comes out, so that its bars are known.
  const ThetaLayout plain(plain_sizes(layout.sizes()));
  std::vector<double> plain_bar(static_cast<std::size_t>(plain.size()));
  for (double& value : plain_bar) value = random.normal();
  RawSettings<double> raw_bar;
  for (double& value : raw_bar) value = random.normal();
  const auto value_at = [&](const std::vector<double>& at) {
    const ResolvedTheta<double> found = resolve_theta(layout, at.data(), profile);
    double sum = 0;
    for (std::size_t i = 0; i < plain_bar.size(); ++i) sum += plain_bar[i] * found.theta[i];
    for (std::size_t n = 0; n < kNumSettings; ++n) sum += raw_bar[n] * found.raw[n];
    return sum;
  };
  std::vector<double> theta_bar(P, 0.0);
  resolve_theta_vjp(layout, theta.data(), profile, plain_bar.data(), raw_bar, theta_bar.data());
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
  for (const std::uint32_t stream : {0u, 1u, 2u}) {
    const ResolvedRule found = resolve(start, some_profile(stream));
    EXPECT_EQ(found.rule.sizes, plain_sizes(start.sizes));
    EXPECT_EQ(found.rule.theta,
              make_classical_rule("agree-neighbours", plain_sizes(start.sizes), 3).theta);
    EXPECT_EQ(found.rule.inner.inner_lr, start.inner.inner_lr);
    const ViewSettings usual = usual_views(some_profile(stream).kind);
    EXPECT_EQ(found.settings.views(), usual);
    EXPECT_EQ(found.settings[SettingName::kBiasPace], kRule.homeostatic_pace);
    EXPECT_EQ(found.settings[SettingName::kKeep], kRule.keep);
  }
}

TEST(Resolve, FollowsTheTraits) {
  Rule rule = make_classical_rule("agree-neighbours", traits_sizes(), 3);
  const ThetaLayout layout(rule.sizes);
  for (const ThetaName name : {ThetaName::kTraitsMix, ThetaName::kTraitsSettings})
    std::fill_n(rule.theta.begin() + layout[name].offset, layout[name].size(), 0.3f);
  const ResolvedRule one = resolve(rule, some_profile(1)), other = resolve(rule, some_profile(2));
  EXPECT_NE(one.rule.theta, other.rule.theta);
  EXPECT_NE(one.settings.values, other.settings.values);
  EXPECT_EQ(one.rule.inner.inner_lr, one.settings[SettingName::kStep]);
  EXPECT_NE(one.rule.inner.inner_lr, rule.inner.inner_lr);
  EXPECT_EQ(one.rule.inner.weight_std, one.settings[SettingName::kWeights]);
  EXPECT_NE(one.rule.inner.weight_std, rule.inner.weight_std);
  EXPECT_EQ(one.rule.inner.bias_std, one.settings[SettingName::kBiases]);
  EXPECT_EQ(one.rule.inner.phi_mean_share, one.settings[SettingName::kAveraging]);
}

// What acts between the bounds is the exponential of the raw number, or nearly; the share, a
// sigmoid of eight times it, and whitening of four thirds of it.
TEST(Settings, AreWhatThetaHoldsAndStayInTheirBounds) {
  for (std::size_t n = 0; n < kNumSettings; ++n) {
    const auto name = static_cast<SettingName>(n);
    const double middle = setting_rows()[n].middle;
    for (std::size_t k = 0; k < kNumExampleKinds; ++k) {
      SCOPED_TRACE(setting_rows()[n].name);
      const double usual = usual_setting(name, static_cast<ExampleKind>(k), some_inner()),
                   raw = static_cast<double>(usual_raw(name, usual));
      EXPECT_EQ(setting_value(name, usual, raw), usual);
      EXPECT_NEAR(setting_slope(name, usual, raw), usual, 1e-12);
      const double acts =
          middle > 0 ? usual / middle / (1 + std::exp(-raw / (1 - middle))) : std::exp(raw);
      EXPECT_NEAR(acts, usual, 1e-6 * usual);
      for (const double off : {-3.0, -0.4, 0.2, 1.5}) {
        constexpr double h = 1e-6;
        EXPECT_NEAR(setting_slope(name, usual, raw + off),
                    (setting_value(name, usual, raw + off + h) -
                     setting_value(name, usual, raw + off - h)) /
                        (2 * h),
                    1e-6 * usual);
      }
      const double reach = setting_rows()[n].reach;
      EXPECT_NEAR(setting_value(name, usual, raw + 100), usual * reach, 1e-9 * usual * reach);
      EXPECT_NEAR(setting_value(name, usual, raw - 100), middle > 0 ? 0 : usual / reach, 1e-9);
    }
  }
}

// A rule file of version 3: one row of factors, as that version wrote it.
TEST(RuleFile, ConvertsTheFactorsOfVersion3) {
  const Rule rule = make_classical_rule("agree-neighbours", traits_sizes(), 3);
  const ThetaLayout layout(rule.sizes);
  TensorFile file = rule_tensors(rule);
  const std::vector<float> factors = {-0.2f, 0.3f, -0.05f, 0.1f, 0.4f};
  for (Tensor& tensor : file.tensors) {
    if (tensor.name == "theta.settings")
      tensor = make_tensor(tensor.name, {1, 5}, std::span<const float>(factors));
    if (tensor.name == "theta.traits_settings")
      tensor = make_tensor(tensor.name, {4, 5}, std::span<const float>(std::vector<float>(20)));
  }
  file.metadata["rule_version"] = "3";
  nlohmann::json names = parse_json(file.metadata.at(kConditionsKey));
  names.erase("kinds");
  names["settings"] = {"step", "bias_pace", "share", "noise", "hops"};
  file.metadata[kConditionsKey] = names.dump();
  const Rule read = rule_from_tensors(file);
  ASSERT_EQ(read.theta.size(), rule.theta.size());
  // That version: usual * reach^tanh(raw / ln reach), and the share by a sigmoid of slope 1.
  const auto factor = [](double raw, double reach) {
    return std::exp(std::log(reach) * std::tanh(raw / std::log(reach)));
  };
  const double start = kNeighbourhood.homeostatic_share;
  const double share_factor =
      1 / (1 + (1 - start) / start * std::exp(-double(factors[2]) / (1 - start))) / start;
  for (std::size_t k = 0; k < kNumExampleKinds; ++k) {
    DataProfile profile;
    profile.kind = static_cast<ExampleKind>(k);
    const RuleSettings found = resolve(read, profile).settings;
    const ViewSettings usual = usual_views(profile.kind);
    const double ulp = std::numeric_limits<float>::epsilon();
    EXPECT_NEAR(found[SettingName::kStep] / (rule.inner.inner_lr * factor(double(factors[0]), 4)),
                1, ulp);
    EXPECT_NEAR(
        found[SettingName::kBiasPace] / (kRule.homeostatic_pace * factor(double(factors[1]), 16)),
        1, ulp);
    EXPECT_NEAR(found[SettingName::kShare] / (usual.share * share_factor), 1, ulp);
    EXPECT_NEAR(found[SettingName::kNoise] / (usual.noise * factor(double(factors[3]), 8)), 1, ulp);
    EXPECT_NEAR(found[SettingName::kHops] / (usual.hops * factor(double(factors[4]), 8)), 1, ulp);
    EXPECT_EQ(found[SettingName::kKeep], kRule.keep);
  }
  // Written again it is of version 4, and the same.
  EXPECT_EQ(rule_from_tensors(rule_tensors(read)).theta, read.theta);
}

// A metric of its own is a setting for those alone that have one.
TEST(Settings, WhitenWhereTheRuleSaysSo) {
  RuleSizes sizes = traits_sizes();
  const DataProfile profile{.traits = {}, .kind = ExampleKind::kShapes};
  const auto whitening = [&] {
    return resolve(make_classical_rule("agree-neighbours", sizes, 3), profile)
        .settings.views()
        .whitening;
  };
  EXPECT_EQ(whitening(), std::nullopt);
  sizes.metric = "trained";
  sizes.validate("a rule");
  EXPECT_EQ(whitening(), usual_setting(SettingName::kWhitening, profile.kind, {}));
  EXPECT_TRUE(setting_acts(SettingName::kWhitening, sizes, ExampleKind::kSparse));
  EXPECT_FALSE(setting_acts(SettingName::kWhitening, sizes, ExampleKind::kDistances));
  const Rule rule = make_classical_rule("agree-neighbours", sizes, 3);
  EXPECT_EQ(rule_from_tensors(rule_tensors(rule)).sizes, sizes);
  sizes.settings = "fixed";
  EXPECT_THROW(sizes.validate("a rule"), Error);
}

TEST(Settings, OfARandomStartAreNotThoseSetByHand) {
  const ThetaLayout layout(traits_sizes());
  std::vector<float> usual(static_cast<std::size_t>(layout.size())), one = usual, other = usual;
  set_usual_settings(layout, some_inner(), usual);
  set_random_settings(layout, some_inner(), 1, one);
  set_random_settings(layout, some_inner(), 2, other);
  const auto first = static_cast<std::size_t>(layout[ThetaName::kSettings].offset);
  for (std::size_t i = 0; i < usual.size(); ++i) {
    const bool is_setting = i >= first && i < first + kNumExampleKinds * kNumSettings;
    EXPECT_EQ(one[i] != usual[i] && one[i] != other[i], is_setting) << i;
    if (is_setting) {
      const double reach = setting_rows()[(i - first) % kNumSettings].reach;
      EXPECT_LE(std::abs(double(one[i] - usual[i])), std::log(reach) / 2 + 1e-6);
    }
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
  EXPECT_EQ(file.metadata.at("rule_version"), "4");
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
