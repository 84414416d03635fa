// The form of rules: layouts of the presets and options, what a local rule may know, rule files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "io/safetensors.h"
#include "io/test_folder.h"
#include "rule/classical.h"
#include "rule/layout_file.h"
#include "rule/test_step.h"

namespace metaplastic {
namespace {

RuleSizes sizes_of(const char* preset, int top_units = 4) {
  RuleSizes sizes;
  sizes.preset = preset;
  sizes.C = 5, sizes.D = 3, sizes.G = 2;
  sizes.top_units = top_units;
  return sizes;
}

// theta larger than a fresh one, biases included, so that every path carries something.
std::vector<double> strong_theta(const ThetaLayout& layout) {
  Random random(3, Purpose::kTest);
  std::vector<double> theta(static_cast<std::size_t>(layout.size()));
  for (double& value : theta) value = 0.4 * static_cast<double>(random.normal());
  return theta;
}

struct Problem {
  explicit Problem(const RuleSizes& sizes, int num_inputs = 6)
      : layout(sizes), theta(strong_theta(layout)) {
    architecture.widths = {num_inputs, 5, 4};
    architecture.activation = Unary::kTanh;
    phi = make_phi<double>(architecture, {}, Random(1, Purpose::kPhiInit));
    Random random(2, Purpose::kTest);
    x.resize(static_cast<std::size_t>(num_inputs * 7));
    for (double& value : x) value = static_cast<double>(random.normal());
  }
  PhiVars<double> vars(Tape<double>& tape) { return phi_leaves(tape, architecture, phi.data()); }
  Var<double> batch(Tape<double>& tape) {
    return tape.constant(x.data(), architecture.num_inputs(), 1, 7);
  }
  std::vector<double> step() { return phi_after_step(layout, theta, architecture, phi, x, 0.1); }

  ThetaLayout layout;
  std::vector<double> theta, phi, x;
  Architecture architecture;
};

TEST(ThetaLayoutTest, TheReleasedSizesHaveAboutAHundredThousandParameters) {
  RuleSizes sizes;
  sizes.preset = "metz2019";
  sizes.C = 64, sizes.D = 32, sizes.G = 4;
  const ThetaLayout layout = first_version_layout(sizes);  // the release's terms, and no others
  // By hand: top-down 5*64 + 2*3*32*32 + 2*3*64*64 + 3*64*32 + 32, offsets 3*64 + 2*32; hidden
  // 3*45*64 + 5*3*64*64, offsets 36 + 6*64; readouts 65*93; mix 13.
  const int top = 320 + 6144 + 24576 + 6144 + 32 + 192 + 64;
  const int hidden = 8640 + 61440 + 36 + 384;
  EXPECT_EQ(layout.size(), top + hidden + 65 * 93 + 13);
  EXPECT_NEAR(double(layout.size()), 1e5, 2e4);
  EXPECT_FALSE(layout.has(ThetaName::kTopIn));
  EXPECT_EQ(ThetaLayout(RuleSizes{}).has(ThetaName::kMixBias), false);
}

TEST(ThetaLayoutTest, EntriesLieOneBehindTheOtherUnderDifferentNames) {
  for (const char* preset : {"compact", "metz2019"})
    for (const char* v_step : {"shared", "separate"})
      for (const char* locality : {"layer", "neuron"}) {
        RuleSizes sizes = sizes_of(preset);
        sizes.v_step = v_step, sizes.locality = locality;
        const ThetaLayout layout(sizes);
        std::int64_t end = 0;
        std::vector<std::string_view> names;
        for (const ThetaEntry& entry : layout.entries()) {
          EXPECT_EQ(entry.offset, end);
          end += entry.size();
          EXPECT_THAT(names, testing::Not(testing::Contains(entry.name)));
          names.push_back(entry.name);
        }
        EXPECT_EQ(end, layout.size());
        EXPECT_EQ(term_names(layout).size(), std::size_t(layout[ThetaName::kMix].cols));
      }
}

TEST(RandomTheta, BiasesAndOffsetsStartAtZeroTheMixAtATenth) {
  RuleSizes sizes = sizes_of("metz2019");
  sizes.v_step = "separate";
  const ThetaLayout layout(sizes);
  const std::vector<float> theta = random_theta(layout, 1);
  for (const ThetaEntry& entry : layout.entries()) {
    double square = 0;
    for (std::int64_t i = 0; i < entry.size(); ++i)
      square += std::pow(double(theta[std::size_t(entry.offset + i)]), 2);
    const bool zero = entry.name.ends_with("bias") || entry.name.ends_with("offset");
    const bool mix = entry.name.starts_with("mix") && !zero;
    const double expected = zero ? 0 : mix ? 0.1 : 1 / std::sqrt(double(entry.rows));
    // A normal cut at two deviations keeps 0.88 of its deviation; few numbers, so within a half.
    EXPECT_NEAR(std::sqrt(square / double(entry.size())), expected,
                zero ? 0 : 0.5 * expected + 1e-6)
        << entry.name;
  }
}

// What the unit next door is has no part in a neuron's own bias step: the top layer's b reads its
// x, z, delta and weights alone. With layer statistics it does.
TEST(Locality, ANeuronKnowsNothingOfTheOthersInItsLayer) {
  for (const char* preset : {"compact", "metz2019"})
    for (const char* locality : {"layer", "neuron"}) {
      SCOPED_TRACE(testing::Message() << preset << " " << locality);
      RuleSizes sizes = sizes_of(preset);
      sizes.locality = locality;
      Problem problem(sizes);
      // Far above zero, where a local bias step has a slope.
      const ThetaLayout& layout = problem.layout;
      problem.theta[std::size_t(layout[ThetaName::kReadoutBias].offset + layout.bias_column())] = 3;
      const std::vector<double> before = problem.step();
      const LayerOffsets top = layer_offsets(problem.architecture, 2);
      for (int i = 0; i < 5; ++i) problem.phi[std::size_t(top.W + i * 4)] = 0.3 * (i - 2.5);
      const std::vector<double> after = problem.step();
      const auto b = static_cast<std::size_t>(top.b);
      EXPECT_NE(before[b], after[b]) << "unit 0 itself changed";
      double others = 0;
      for (std::size_t u = 1; u < 4; ++u) others += std::abs(before[b + u] - after[b + u]);
      if (sizes.is_local()) {
        EXPECT_EQ(others, 0);
      } else {
        EXPECT_GT(others, 1e-6);
      }
    }
}

TEST(ClassicalRules, MeanTheSameOnEveryPreset) {
  for (const char* name : {"hebb", "hebb-decorrelate", "oja"}) {
    Problem compact(sizes_of("compact")), metz(sizes_of("metz2019"));
    for (Problem* problem : {&compact, &metz}) {
      const Rule rule = make_classical_rule(name, problem->layout.sizes(), 1);
      problem->theta.assign(rule.theta.begin(), rule.theta.end());
    }
    const std::vector<double> a = compact.step(), b = metz.step();
    const LayerOffsets at = layer_offsets(compact.architecture, 2);
    // Epsilons of 1e-5 against 1e-6, the diagonal of the correlation, and one mean of step w
    // instead of one per column: alike, not equal.
    double dot = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < 20; ++i) {
      const double x = a[std::size_t(at.W) + i] - compact.phi[std::size_t(at.W) + i],
                   y = b[std::size_t(at.W) + i] - metz.phi[std::size_t(at.W) + i];
      dot += x * y, aa += x * x, bb += y * y;
    }
    EXPECT_GT(dot / std::sqrt(aa * bb), 0.9) << name;
    EXPECT_NEAR(std::sqrt(aa / bb), 1, 0.2) << name;
  }
}

TEST(ClassicalRules, ATermThatComparesNeuronsIsRefusedByALocalRule) {
  RuleSizes sizes = sizes_of("compact");
  sizes.locality = "neuron";
  EXPECT_NO_THROW(make_classical_rule("hebb", sizes, 1));
  try {
    make_classical_rule("hebb-decorrelate", sizes, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("locality 'layer'"));
  }
}

// Readouts that ask every unit to raise its bias: (1 - lr) b is all that is left of it when the
// mean of the steps may only lower it.
TEST(BiasMean, OnlyFreeStepsRaiseIt) {
  for (const char* preset : {"compact", "metz2019"})
    for (const char* locality : {"layer", "neuron"})
      for (const char* bias_mean : {"lowered", "free"}) {
        SCOPED_TRACE(testing::Message() << preset << " " << locality << " " << bias_mean);
        RuleSizes sizes = sizes_of(preset);
        sizes.locality = locality, sizes.bias_mean = bias_mean;
        Problem problem(sizes);
        const ThetaLayout& layout = problem.layout;
        problem.theta[std::size_t(layout[ThetaName::kReadoutBias].offset + layout.bias_column())] =
            -30;
        const std::vector<double> after = problem.step();
        const auto b = static_cast<std::size_t>(layer_offsets(problem.architecture, 2).b);
        double raised = 0;
        for (std::size_t u = b; u < b + 4; ++u) raised += (after[u] - 0.9 * problem.phi[u]) / 4;
        // A step of size 1 - a little less, by the 0.5 under its root - times reach and step size.
        if (sizes.has_free_bias()) {
          EXPECT_NEAR(raised, 0.1 * 2, 0.01);
        } else {
          EXPECT_NEAR(raised, 0, 1e-12);
        }
      }
}

TEST(RuleFile, KeepsItsOptionsAndRefusesUnknownOnesInWords) {
  const TestFolder folder;
  const std::string path = folder.path("metz_rule.safetensors");
  Rule rule;
  rule.sizes = sizes_of("metz2019");
  rule.sizes.v_step = "separate", rule.sizes.backward = "transposed";
  rule.sizes.bias_mean = "free";
  rule.theta = random_theta(ThetaLayout(rule.sizes), 1);
  save_rule(path, rule);
  const Rule loaded = load_rule(path);
  EXPECT_TRUE(loaded.sizes == rule.sizes);
  EXPECT_EQ(loaded.theta, rule.theta);

  TensorFile file = read_safetensors(path);
  std::string& sizes = file.metadata["sizes"];
  const std::string good = sizes;
  const auto refused = [&](const std::string& from, const std::string& to, const char* words) {
    sizes = good;
    sizes.replace(sizes.find(from), from.size(), to);
    write_safetensors(path, file);
    try {
      load_rule(path);
      ADD_FAILURE() << sizes;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(words));
    }
  };
  refused("\"separate\"", "\"own\"", "shared, separate");
  refused("\"metz2019\"", "\"metz2020\"", "metz2019");
  refused("\"locality\"", "\"localities\"", "locality");
  refused("\"one\"", "\"two\"", "expected rule.views 'one'");

  // Files from before bias_mean have the paper's bias step.
  sizes = good;
  const std::string_view option = "\"bias_mean\":\"free\",";
  sizes.replace(sizes.find(option), option.size(), "");
  write_safetensors(path, file);
  EXPECT_EQ(load_rule(path).sizes.bias_mean, "lowered");
}

TEST(TopUnits, AWidthThatThetaDoesNotFitIsAUserError) {
  const RuleSizes sizes = sizes_of("metz2019");
  EXPECT_NO_THROW(sizes.require_top_units(4, "features"));
  EXPECT_NO_THROW(sizes_of("compact").require_top_units(5, "features"));
  try {
    sizes.require_top_units(5, "features");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("features: expected 4"));
  }
}

}  // namespace
}  // namespace metaplastic
