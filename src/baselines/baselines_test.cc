#include <gtest/gtest.h>

#include <limits>

#include "baselines/methods.h"
#include "baselines/pca.h"
#include "eval/evaluate.h"
#include "eval/test_data.h"
#include "io/test_folder.h"
#include "rule/classical.h"

namespace metaplastic {
namespace {

// Rows on a plane in many dimensions: two components must keep all distances.
std::vector<float> plane_rows(int num_rows, int num_features) {
  Random random(8, Purpose::kTest);
  std::vector<float> a, b, rows;
  for (int u = 0; u < num_features; ++u) a.push_back(random.normal()), b.push_back(random.normal());
  for (int n = 0; n < num_rows; ++n) {
    const float s = random.normal(), t = random.normal();
    for (int u = 0; u < num_features; ++u) {
      rows.push_back(5 + s * a[static_cast<std::size_t>(u)] + t * b[static_cast<std::size_t>(u)]);
    }
  }
  return rows;
}

double square_distance(const std::vector<float>& rows, int width, int i, int j) {
  double sum = 0;
  for (int u = 0; u < width; ++u) {
    const auto difference = static_cast<double>(rows[static_cast<std::size_t>(i * width + u)] -
                                                rows[static_cast<std::size_t>(j * width + u)]);
    sum += difference * difference;
  }
  return sum;
}

TEST(Pca, KeepsDistancesOnAPlaneWhicheverWayItDecomposes) {
  for (const int F : {20, 2100}) {  // by covariance; by the products of rows
    constexpr int kN = 40;
    const std::vector<float> rows = plane_rows(kN, F);
    const auto candidates = pca_method()->fit(*rows_of(rows, F), {});
    ASSERT_FALSE(candidates.empty());
    EXPECT_EQ(candidates[0].num_features, 16);
    std::vector<float> features(kN * 16);
    candidates[0].encode(rows, kN, features);
    for (int j = 1; j < kN; ++j) {
      const double expected = square_distance(rows, F, 0, j);
      EXPECT_NEAR(square_distance(features, 16, 0, j), expected, 1e-3 * expected + 1e-6);
    }
    // The first two carry everything; the first carries more than the second.
    double variance[16] = {};
    for (int n = 0; n < kN; ++n) {
      for (int k = 0; k < 16; ++k) {
        variance[k] +=
            std::pow(static_cast<double>(features[static_cast<std::size_t>(n * 16 + k)]), 2);
      }
    }
    EXPECT_GT(variance[0], variance[1]);
    EXPECT_LT(variance[2], 1e-4 * variance[1]);
  }
}

TEST(Pca, ComponentsAreClippedToWhatTheDataHave) {
  const auto sizes = [](int num_rows, int num_features) {
    std::vector<int> result;
    const std::vector<float> rows = plane_rows(num_rows, num_features);
    for (const auto& candidate : pca_method()->fit(*rows_of(rows, num_features), {})) {
      result.push_back(candidate.num_features);
    }
    return result;
  };
  EXPECT_EQ(sizes(300, 200), (std::vector<int>{16, 32, 64, 128}));
  EXPECT_EQ(sizes(300, 40), (std::vector<int>{16, 32, 40}));
  EXPECT_EQ(sizes(25, 200), (std::vector<int>{16, 24}));
  EXPECT_EQ(sizes(300, 3), (std::vector<int>{3}));
}

TEST(Methods, UnknownAndRepeatedNamesAreRefused) {
  const Rule rule = make_classical_rule("hebb", {"compact", 4, 2, 1}, 1);
  EXPECT_NE(error_line([&] {
              make_methods({"raw", "lerned"}, rule, {});
            }).find("did you mean 'learned'?"),
            std::string::npos);
  EXPECT_NE(error_line([&] {
              make_methods({"raw", "raw"}, rule, {});
            }).find("twice"),
            std::string::npos);
  EXPECT_EQ(make_methods({"pca", "raw"}, rule, {})[0]->name(), "pca");
}

Rule walking_rule() {
  RuleSizes sizes = classical_sizes("agree-neighbours");
  sizes.C = 4, sizes.D = 2, sizes.G = 1;
  return make_classical_rule("agree-neighbours", sizes, 1);
}

MethodOptions one_layer(int num_units) {
  MethodOptions options;
  options.fit.training.model = {{}, num_units, Unary::kRelu};
  options.fit.training.inner_batch = 16;
  return options;
}

// A rule that walks among neighbours gets as many trainings as the baselines: one of each variant,
// the usual one with all of its stops. Any number of threads chooses among the same.
TEST(Methods, TheRuleIsSearchedAmongItsVariants) {
  const Dataset data = gaussian_dataset(120, 6, 3, 8);
  const auto prepared = prepare_rows(fit_preprocess(data), data);
  const MethodOptions options = one_layer(8);
  Rule rule = walking_rule();
  rule.inner.inner_steps = 16;
  MethodContext context;
  context.num_tunings = 3;
  const auto fit = [&] {
    return make_methods({"learned"}, rule, options)[0]->fit(*prepared, context);
  };
  const std::vector<FeatureCandidate> found = fit();
  std::vector<std::string> variants;
  std::vector<std::int64_t> steps;
  for (const FeatureCandidate& candidate : found) {
    variants.push_back(candidate.settings["variant"]);
    steps.push_back(candidate.steps);
    EXPECT_EQ(candidate.settings["tunings"], 3);
  }
  EXPECT_EQ(variants,
            (std::vector<std::string>{"usual", "usual", "usual", "usual", "usual", "alike", "alike",
                                      "alike", "alone", "alone", "alone"}));
  EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 4, 16, 32, 64, 1, 4, 16, 1, 4, 16}));
  context.num_threads = 2;
  const std::vector<FeatureCandidate> again = fit();
  ASSERT_EQ(again.size(), found.size());
  std::vector<float> rows(6 * 120), features(8 * 120), same(8 * 120);
  prepared->read_rows(0, 120, rows);
  for (std::size_t c = 0; c < found.size(); ++c) {
    found[c].encode(rows, 120, features);
    again[c].encode(rows, 120, same);
    EXPECT_EQ(features, same) << c;
  }
  EXPECT_EQ(make_methods({"random"}, rule, options)[0]->fit(*prepared, context).size(), 1u);
}

// With one unit nothing is shared, so that an endless weight of separate alone breaks a training:
// the usual one has what times the gain of the mix (2.9) is just a float, half as much again is
// not.
TEST(Methods, AVariantThatBreaksIsLeftOut) {
  const Dataset data = gaussian_dataset(120, 6, 3, 8);
  const auto prepared = prepare_rows(fit_preprocess(data), data);
  MethodOptions options = one_layer(1);
  options.fit.training.inner_steps = 4;
  Rule rule = walking_rule();
  const ThetaLayout layout(rule.sizes);
  rule.theta[static_cast<std::size_t>(layout[ThetaName::kMix].offset +
                                      layout.term_index("separate"))] =
      std::numeric_limits<float>::max() / 4;
  const auto method = std::move(make_methods({"learned"}, rule, options)[0]);
  for (const FeatureCandidate& candidate : method->fit(*prepared, {}))
    EXPECT_NE(candidate.settings["variant"], "apart");
  ASSERT_FALSE(method->notes().empty());
  EXPECT_EQ(method->notes().back().find("variant apart is left out: apply: expected finite"), 0u)
      << method->notes().back();
}

TEST(Methods, AllOfThemThroughTheProtocol) {
  const Dataset data = with_test_rows(gaussian_dataset(240, 12, 3, 8), 1);
  const auto prepared = prepare_rows(fit_preprocess(data), data);
  MethodOptions options;
  options.fit.training.model = {{16}, 8, Unary::kRelu};
  options.fit.training.inner_batch = 16;
  options.fit.training.inner_steps = 8;
  options.training_steps = 200;
  const Rule rule = make_classical_rule("hebb-decorrelate", {"compact", 4, 2, 1}, 1);
  DrawOptions draws;
  draws.shots = 5;
  draws.trials = 5;
  const EvaluationResult result =
      evaluate_methods(data, prepared, make_methods(method_names(), rule, options), draws, {});
  std::vector<std::string> expected = method_names();  // a table has no other classes, nor windows
  std::erase_if(expected, [](const auto& n) {
    return n == "transfer" || n == "prototypical" || n == "patch-kmeans" || n == "softhebb" ||
           n.starts_with("conv-") || n.ends_with("-conv");
  });
  ASSERT_EQ(result.methods.size(), expected.size());
  for (std::size_t n = 0; n < expected.size(); ++n) {
    const MethodResult& method = result.methods[n];
    EXPECT_EQ(method.name, expected[n]);
    EXPECT_GT(method.accuracy, 0.6) << method.name;
    EXPECT_EQ(method.settings.contains("tunings"), n >= 4) << method.name;
    ASSERT_EQ(method.settings["chosen_from"], method.candidates.size()) << method.name;
    double best = 0;
    for (const auto& candidate : method.candidates) {
      best = std::max(best, candidate["validation_accuracy"].get<double>());
    }
    EXPECT_EQ(method.settings["validation_accuracy"], best) << method.name;
  }
  EXPECT_GT(result.methods[2].accuracy, 0.95);  // raw

  options.layers = Readout::kTop;
  const EvaluationResult top = evaluate_methods(
      data, prepared, make_methods({"learned", "random", "vae"}, rule, options), draws, {});
  for (const MethodResult& method : top.methods) {
    EXPECT_EQ(method.settings["layer"], 2);
    EXPECT_EQ(method.settings["readout"], "top");
  }
}

}  // namespace
}  // namespace metaplastic
