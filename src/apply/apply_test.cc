#include "apply/apply.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "apply/feature_file.h"
#include "data/test_gaussians.h"
#include "io/npy.h"
#include "io/test_folder.h"
#include "neighbours/constants.h"
#include "rule/classical.h"
#include "rule/terms.h"

namespace metaplastic {
namespace {

Rule small_rule(const char* name = "hebb-decorrelate") {
  RuleSizes sizes = classical_sizes(name);
  sizes.C = 4, sizes.D = 2, sizes.G = 1;
  return make_classical_rule(name, sizes, 1);
}

ApplyOptions small_options() {
  ApplyOptions options;
  options.model = {{12}, 8, Unary::kTanh};
  options.inner_batch = 16;
  options.inner_steps = 10;
  options.seed = 4;
  return options;
}

const std::vector<float>& top_weights(const Applied& applied) {
  return applied.last().layers.back().W;
}

TEST(Apply, SameSeedSameBitsOtherSeedOthers) {
  const Dataset data = gaussian_dataset(100, 6, 3, 3);
  ApplyOptions options = small_options();
  const Applied first = apply_rule(small_rule(), data, options);
  const Applied again = apply_rule(small_rule(), data, options);
  EXPECT_EQ(top_weights(first), top_weights(again));
  EXPECT_EQ(first.last().layers[0].b, again.last().layers[0].b);
  options.seed = 5;
  EXPECT_NE(top_weights(first), top_weights(apply_rule(small_rule(), data, options)));
}

// Layers so wide that steps are shared out, in every form of the rule that has its own operations.
TEST(Apply, AnyNumberOfThreadsGivesTheSameBits) {
  const Dataset data = gaussian_dataset(400, 150, 3, 3);
  std::vector<Rule> rules = {small_rule(), small_rule("agree"), small_rule("agree-neighbours")};
  for (const char* preset : {"compact", "metz2019"}) {
    Rule rule = small_rule();
    rule.sizes.preset = preset;
    rule.sizes.C = 16, rule.sizes.D = 8, rule.sizes.G = 4, rule.sizes.top_units = 70;
    rule.theta = random_theta(ThetaLayout(rule.sizes), 1);
    rules.push_back(std::move(rule));
  }
  for (const Rule& rule : rules) {
    SCOPED_TRACE(describe(rule.sizes));
    ApplyOptions options = small_options();
    options.model = {{130}, 70, Unary::kTanh};
    options.inner_batch = 64;
    options.inner_steps = 3;
    const Applied alone = apply_rule(rule, data, options);
    for (const int num_threads : {2, 3, 7}) {
      options.num_threads = num_threads;
      const Applied shared = apply_rule(rule, data, options);
      EXPECT_EQ(shared.state.phi, alone.state.phi) << num_threads;
    }
  }
}

TEST(Apply, ASnapshotIsTheEndOfAShorterRun) {
  const Dataset data = gaussian_dataset(100, 6, 3, 3);
  ApplyOptions options = small_options();
  options.snapshots = {7, 0, 3};
  const Applied all = apply_rule(small_rule(), data, options);
  ASSERT_EQ(all.encoders.size(), 4u);
  for (const std::size_t n : {0u, 1u, 2u, 3u}) {
    ApplyOptions shorter = small_options();
    shorter.inner_steps = all.encoders[n].record.inner_steps;
    EXPECT_EQ(*shorter.inner_steps, (std::vector<int>{0, 3, 7, 10})[n]);
    EXPECT_EQ(all.encoders[n].layers[0].W,
              apply_rule(small_rule(), data, shorter).last().layers[0].W);
  }
  EXPECT_NE(all.encoders[0].layers[0].W, all.encoders[1].layers[0].W);
}

// Noise and neighbours of a second view are functions of seed and step as well.
TEST(Apply, ARuleOfTwoViewsHasTheSameBitsAndGoesOnFromWhereItStopped) {
  const Dataset data = gaussian_dataset(100, 6, 3, 3);
  for (const char* name : {"agree", "agree-neighbours"}) {
    SCOPED_TRACE(name);
    const Rule rule = small_rule(name);
    ApplyOptions options = small_options();
    const Applied whole = apply_rule(rule, data, options);
    EXPECT_EQ(top_weights(whole), top_weights(apply_rule(rule, data, options)));
    options.inner_steps = 4;
    const Applied part = apply_rule(rule, data, options);
    EXPECT_NE(top_weights(whole), top_weights(part));
    options.inner_steps = 6;
    options.start = part.state;
    EXPECT_EQ(top_weights(whole), top_weights(apply_rule(rule, data, options)));
  }
  EXPECT_NE(top_weights(apply_rule(small_rule("agree"), data, small_options())),
            top_weights(apply_rule(small_rule("agree-neighbours"), data, small_options())));
}

TEST(Apply, AVariantLearnsOtherWeightsAndIsOnRecord) {
  const Dataset data = gaussian_dataset(100, 6, 3, 3);
  Rule rule = small_rule("agree-neighbours");
  rule.sizes.bias_mean = "homeostatic";
  // Else there would be nothing but what compares views.
  const ThetaLayout layout(rule.sizes);
  for (const LayoutTerm& term : layout.terms()) {
    const std::int64_t at = layout[ThetaName::kMix].offset + layout.term_index(term.name);
    if (!term.term->needs_views()) rule.theta[static_cast<std::size_t>(at)] = 0.02f;
  }
  std::set<std::vector<float>> weights;
  for (const RuleVariant& variant : rule_variants()) {
    ApplyOptions options = small_options();
    options.variant = variant;
    const Applied applied = apply_rule(rule, data, options);
    EXPECT_EQ(applied.last().record.variant, variant.name);
    weights.insert(top_weights(applied));
  }
  EXPECT_EQ(weights.size(), rule_variants().size());
  ApplyOptions options = small_options();
  options.variant = find_variant("far");
  EXPECT_NE(error_line([&] { apply_rule(small_rule("agree"), data, options); }), "no error");
}

// Whoever goes on looks for neighbours in the same pool.
// A rule that follows the data starts as the plain one, and is applied without variants.
TEST(Apply, ARuleThatFollowsTheDataStartsAsThePlainOne) {
  const Dataset data = gaussian_dataset(100, 6, 3, 3);
  const Rule plain = small_rule("agree-neighbours");
  RuleSizes sizes = plain.sizes;
  sizes.settings = "traits";
  Rule follows = make_classical_rule("agree-neighbours", sizes, 1);
  const Applied expected = apply_rule(plain, data, small_options());
  EXPECT_EQ(top_weights(apply_rule(follows, data, small_options())), top_weights(expected));
  const ThetaLayout layout(sizes);
  follows.theta[static_cast<std::size_t>(layout[ThetaName::kSettings].offset)] = -0.5f;
  EXPECT_NE(top_weights(apply_rule(follows, data, small_options())), top_weights(expected));
  ApplyOptions options = small_options();
  options.variant = find_variant("far");
  EXPECT_THROW(apply_rule(follows, data, options), Error);
}

TEST(Apply, GoesOnWithThePoolThatItWouldHaveHad) {
  const Dataset data = gaussian_dataset(kNeighbourhood.pool + 300, 6, 3, 3);
  Rule rule = small_rule("agree-neighbours");
  rule.inner.phi_mean_share = 0.2;  // and with the mean that it would have had
  ApplyOptions options = small_options();
  options.inner_steps = 20;
  const Applied whole = apply_rule(rule, data, options);
  for (const int before : {3, 17}) {
    SCOPED_TRACE(before);
    ApplyOptions first = small_options(), rest = small_options();
    first.inner_steps = before;
    rest.inner_steps = *options.inner_steps - before;
    rest.start = apply_rule(rule, data, first).state;
    EXPECT_EQ(top_weights(whole), top_weights(apply_rule(rule, data, rest)));
  }
}

// Steps of half the share weigh as a polynomial: against the mean written out.
TEST(Apply, ReadsOutTheMeanOverTheLastSteps) {
  const std::vector<std::vector<double>> phis = {{1, 5}, {2, -3}, {4, 8}, {-6, 0}};
  std::vector<double> mean = {100, 100}, last = mean, expected(2);
  const double share = 0.5;
  double left = 1;
  for (int t = 4; t >= 1; --t) {
    const double weight = 1 / (1 + share * t);
    for (std::size_t i = 0; i < 2; ++i) expected[i] += left * weight * phis[std::size_t(t - 1)][i];
    left *= 1 - weight;
  }
  for (std::size_t i = 0; i < 2; ++i) expected[i] += left * 100;
  for (int t = 1; t <= 4; ++t) {
    update_phi_mean(mean, phis[std::size_t(t - 1)], share, t);
    update_phi_mean(last, phis[std::size_t(t - 1)], 0, t);
  }
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(mean[i], expected[i], 1e-12);
  EXPECT_EQ(last, phis.back());

  const Dataset data = gaussian_dataset(100, 6, 3, 3);
  Rule rule = small_rule();
  const Applied plain = apply_rule(rule, data, small_options());
  rule.inner.phi_mean_share = 0.1;
  const Applied averaged = apply_rule(rule, data, small_options());
  EXPECT_EQ(plain.state.phi, averaged.state.phi);
  EXPECT_EQ(plain.state.phi, plain.state.mean);
  EXPECT_NE(top_weights(plain), top_weights(averaged));
}

TEST(Apply, FewRowsMakeSmallBatchesAndAreReported) {
  const Applied applied = apply_rule(small_rule(), gaussian_dataset(9, 6, 3, 3), small_options());
  EXPECT_EQ(applied.last().record.inner_batch, 9);
  ASSERT_EQ(applied.notes.size(), 1u);
  EXPECT_NE(applied.notes[0].find("all 9 rows"), std::string::npos);
  EXPECT_NE(error_line([&] {
              apply_rule(small_rule(), gaussian_dataset(1, 6, 1, 3), small_options());
            }).find("at least 2 rows"),
            std::string::npos);
}

TEST(Apply, TermsOfSmallWeightAreLeftOutOnlyWhereAsked) {
  EXPECT_EQ(least_weight(kWideInputs), 0);
  EXPECT_EQ(least_weight(kWideInputs + 1), kLeastWeightOfWide);
  EXPECT_EQ(least_weight(kWideInputs + 1, 0), 0);
  const Dataset data = gaussian_dataset(100, 6, 3, 3);
  Rule rule = small_rule(), without = rule;
  const ThetaLayout layout(rule.sizes);
  const auto mix = static_cast<std::size_t>(layout[ThetaName::kMix].offset);
  rule.theta[mix + std::size_t(layout.term_index("decay"))] = 0.001f;
  ApplyOptions options = small_options();
  const Applied whole = apply_rule(rule, data, options);
  options.least_weight = 0.02;
  const Applied less = apply_rule(rule, data, options);
  EXPECT_EQ(top_weights(less), top_weights(apply_rule(without, data, options)));
  EXPECT_NE(top_weights(less), top_weights(whole));
  EXPECT_TRUE(whole.notes.empty());
  ASSERT_EQ(less.notes.size(), 1u);
  EXPECT_EQ(less.notes[0],
            "apply: left out 1 of the rule's 3 terms, whose weights are at most 0.02 of the "
            "largest; --least-weight 0 takes them all, in more time and memory");
}

TEST(Apply, NonFiniteWeightsAreAnErrorWithTheStep) {
  Rule rule = small_rule();
  rule.theta.back() = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(error_line([&] {
              apply_rule(rule, gaussian_dataset(50, 6, 2, 3), small_options());
            }).find("after inner step 1 "),
            std::string::npos);
}

TEST(Apply, StopsWhenAsked) {
  ApplyOptions options = small_options();
  int num_steps = 0;
  options.on_step = [&](int step, int) { num_steps = step; };
  options.should_stop = [&] { return num_steps == 4; };
  EXPECT_THROW(apply_rule(small_rule(), gaussian_dataset(50, 6, 2, 3), options), Stopped);
  EXPECT_EQ(num_steps, 4);
}

TEST(Apply, RefusesArchitecturesOutOfRange) {
  ApplyOptions options = small_options();
  options.model.hidden.assign(kMaxLayers, 4);
  EXPECT_NE(error_line([&] { options.model.architecture(6); }).find("layers"), std::string::npos);
  options.model.hidden = {kMaxUnits, kMaxUnits};
  EXPECT_NE(error_line([&] { options.model.architecture(6); }).find("weights"), std::string::npos);
}

TEST(Health, KnownFeatures) {
  std::vector<float>
      features;  // [64,4]: two independent units, one constant, one copy of the first
  Random random(2, Purpose::kTest);
  for (int n = 0; n < 64; ++n) {
    const float a = n % 2 ? 1.0f : -1.0f, b = n / 2 % 2 ? 1.0f : -1.0f;
    features.insert(features.end(), {a, b, 7.0f, 0.0f});
  }
  EXPECT_EQ(count_dead_units(features, 64, 4), 2);
  EXPECT_NEAR(effective_rank(features, 64, 4), 2.0, 1e-9);
  EXPECT_EQ(effective_rank(std::vector<float>(64, 1.0f), 16, 4), 1.0);
  // Wide features are looked at through their rows: 600 units that all say the same.
  std::vector<float> wide;
  for (int n = 0; n < 20; ++n) wide.insert(wide.end(), 600, random.normal());
  EXPECT_NEAR(effective_rank(wide, 20, 600), 1.0, 1e-6);
}

TEST(Health, DriftLooksAtDirectionsOnly) {
  const Architecture architecture{{3, 2}, Unary::kRelu};
  const std::vector<float> phi = make_phi<float>(architecture, {}, Random(1, Purpose::kTest));
  std::vector<float> longer = phi;
  for (float& value : longer) value *= 2;
  const std::vector<float> before = weights_of(architecture, phi);
  EXPECT_EQ(before.size(), 6u);
  EXPECT_NEAR(phi_drift(architecture, before, longer), 0, 1e-6);
  for (float& value : longer) value *= -1;
  EXPECT_NEAR(phi_drift(architecture, before, longer), 2, 1e-6);
}

// Mean bias of the first layer under a theta of zeros: homeostasis alone moves biases.
double mean_bias_on_words(float chance_of_a_word) {
  constexpr int kRows = 300, kWords = 80, kUnits = 12;
  Random random(3, Purpose::kTest);
  std::vector<float> values(kRows * kWords);
  for (float& value : values) value = random.uniform() < chance_of_a_word ? 1.0f : 0.0f;
  Dataset data;
  data.name = "words";
  data.rows = rows_of(std::move(values), kWords);
  data.first_test_row = kRows;
  Rule rule = small_rule();
  rule.sizes.views = "neighbours", rule.sizes.bias_mean = "homeostatic";
  rule.theta.assign(static_cast<std::size_t>(ThetaLayout(rule.sizes).size()), 0.0f);
  rule.inner.inner_lr = 0.1;
  ApplyOptions options = small_options();
  options.model.hidden = {kUnits};
  options.inner_batch = 64, options.inner_steps = 400;
  const Applied applied = apply_rule(rule, data, options);
  const LayerOffsets at = layer_offsets(applied.last().dense_architecture(), 1);
  double sum = 0;
  for (int u = 0; u < kUnits; ++u)
    sum += static_cast<double>(applied.state.phi[static_cast<std::size_t>(at.b + u)]);
  return sum / kUnits;
}

TEST(Apply, UnitsStayNearlyLinearWhereInputsAreSparse) {
  EXPECT_GT(mean_bias_on_words(0.03f), mean_bias_on_words(0.08f) + 0.3);
}

TEST(Health, WarningsNameWhatIsOutOfRange) {
  Health health{0.1, 20, 128, 0.1};
  EXPECT_TRUE(health.warnings().empty());
  health.dead_share = 0.9;
  health.effective_rank = 1.5;
  health.drift = 0.8;
  const auto lines = health.warnings();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_NE(lines[0].find("found 90 %"), std::string::npos);
  EXPECT_NE(lines[1].find("found 1.5 of 128"), std::string::npos);
  EXPECT_NE(lines[2].find("found 0.80"), std::string::npos);
}

TEST(FeatureFile, IsReadBackAndAppearsWhenWhole) {
  const TestFolder folder;
  const Dataset data = gaussian_dataset(700, 6, 3, 3);
  const Applied applied = apply_rule(small_rule(), data, small_options());
  { FeatureFile unfinished(folder.path("f.npy")); }
  EXPECT_EQ(folder.num_entries(), 0);
  FeatureFile(folder.path("f.npy")).write(applied.last(), data, {.layer = 2});
  const NpyFloats read = read_npy_floats(folder.path("f.npy"));
  EXPECT_EQ(read.shape, (std::vector<std::int64_t>{700, 8}));
  std::vector<float> expected(700 * 8);
  encode(applied.last(), read_all_rows(data), 700, 2, expected);
  EXPECT_EQ(read.values, expected);
  EXPECT_NE(error_line([&] { FeatureFile(folder.path("none/f.npy")); }), "no error");
}

}  // namespace
}  // namespace metaplastic
