#include "eval/verdict.h"

#include <gtest/gtest.h>

#include <cmath>

namespace metaplastic {
namespace {

MethodResult method(const std::string& name, std::vector<double> accuracies) {
  MethodResult result;
  result.name = name;
  result.trial_accuracy = std::move(accuracies);
  return result;
}

EvaluationResult evaluation(std::vector<MethodResult> methods) {
  EvaluationResult result;
  result.methods = std::move(methods);
  return result;
}

TEST(Verdict, DifferencesArePaired) {
  // Draws differ much, the methods in each draw little: only the difference counts.
  const auto comparisons = compare_learned(
      evaluation({method("raw", {0.5, 0.7, 0.9}), method("learned", {0.52, 0.73, 0.91})}));
  ASSERT_EQ(comparisons.size(), 1u);
  EXPECT_EQ(comparisons[0].method, "raw");
  EXPECT_NEAR(comparisons[0].difference, 0.02, 1e-12);
  EXPECT_NEAR(comparisons[0].standard_error, 0.01 / std::sqrt(3.0), 1e-12);
  EXPECT_TRUE(comparisons[0].is_better());
  EXPECT_EQ(comparisons_json(comparisons)[0]["method"], "raw");
  EXPECT_NEAR(comparisons_json(comparisons)[0]["stderr"].get<double>(), 0.00577, 1e-5);
}

TEST(Verdict, TheLineSaysWhatHolds) {
  EXPECT_EQ(
      verdict_line({{"raw", 0.012, 0.003}, {"pca", -0.02, 0.002}, {"vae", 0.5, 0.1}}),
      "verdict: on this data set the learned features beat raw (+0.0120 +- 0.0030), are worse "
      "than pca (-0.0200 +- 0.0020): use that here");
  EXPECT_EQ(verdict_line({{"raw", 0.1, 0.01}, {"pca", 0.1, 0.02}}),
            "verdict: on this data set the learned features beat raw (+0.1000 +- 0.0100) and pca "
            "(+0.1000 +- 0.0200)");
  EXPECT_EQ(verdict_line({{"raw", -0.001, 0.003}}),
            "verdict: on this data set the learned features show no difference to raw (-0.0010 +- "
            "0.0030)");
  EXPECT_EQ(verdict_line({{"vae", 0.1, 0.01}}), "");
}

TEST(Verdict, NothingToCompare) {
  EXPECT_TRUE(compare_learned(evaluation({method("raw", {0.5, 0.7})})).empty());
  EXPECT_TRUE(
      compare_learned(evaluation({method("raw", {0.5}), method("learned", {0.6})})).empty());
}

}  // namespace
}  // namespace metaplastic
