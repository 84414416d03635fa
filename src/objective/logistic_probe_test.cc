#include "objective/logistic_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace metaplastic {
namespace {

constexpr int kFeatures = 5;

struct Problem {
  Problem() {
    for (int i = 0; i < 36; ++i) {
      labels.push_back(i % 3);
      for (int j = 0; j < kFeatures; ++j) {
        const double value = (i * 37 + j * 11) % 29 / 7.0 - 2 + (i % 3 == j % 3 ? 1.5 : 0);
        features.push_back(static_cast<float>(value));
      }
    }
    std::iota(support.begin(), support.end(), 0);
    std::iota(query.begin(), query.end(), 18);
  }
  std::vector<float> features;
  std::vector<int> labels;
  std::vector<std::int64_t> support = std::vector<std::int64_t>(18);
  std::vector<std::int64_t> query = std::vector<std::int64_t>(18);
};

// What LogisticRegression(C=1/lambda) of scikit-learn 1.2 says of the same features, centred and
// scaled; its two largest probabilities are 0.007 apart or more.
TEST(LogisticProbe, PredictsWhatScikitLearnDoes) {
  const Problem p;
  const std::vector<double> lambdas = {0.01, 0.1, 1};
  const auto predicted = [&](double lambda) {
    return logistic_predictions(p.features, kFeatures, p.labels, 3, {p.support, p.query}, lambda);
  };
  using testing::ElementsAre;
  EXPECT_THAT(predicted(0.01), ElementsAre(1, 1, 2, 0, 2, 0, 0, 1, 2, 1, 0, 2, 0, 1, 0, 2, 1, 0));
  EXPECT_THAT(predicted(0.1), ElementsAre(1, 1, 2, 0, 1, 1, 0, 1, 2, 1, 0, 2, 0, 1, 0, 2, 1, 0));
  EXPECT_THAT(predicted(1), ElementsAre(0, 1, 2, 0, 1, 1, 0, 1, 2, 1, 0, 2, 0, 1, 0, 2, 1, 0));
  EXPECT_THAT(
      logistic_accuracies(p.features, kFeatures, p.labels, 3, {p.support, p.query}, lambdas),
      ElementsAre(10 / 18.0, 11 / 18.0, 12 / 18.0));
}

TEST(LogisticProbe, ScaleAndShiftOfTheFeaturesDoNotMatter) {
  const Problem p;
  std::vector<float> moved = p.features;
  for (float& value : moved) value = 64 * value + 512;
  for (const double lambda : probe_lambdas(ProbeKind::kLogistic)) {
    const ProbeDraw draw = {p.support, p.query};
    EXPECT_EQ(logistic_predictions(moved, kFeatures, p.labels, 3, draw, lambda),
              logistic_predictions(p.features, kFeatures, p.labels, 3, draw, lambda));
  }
}

TEST(LogisticProbe, FeaturesThatDoNotVaryGiveTheLargestClass) {
  const std::vector<float> features(10, 3.0f);
  const std::vector<int> labels = {1, 1, 0, 1, 0, 1, 1, 0, 0, 0};
  const std::vector<std::int64_t> support = {0, 1, 2, 3, 4}, query = {5, 6, 7, 8, 9};
  EXPECT_THAT(
      logistic_accuracies(features, 1, labels, 2, {support, query}, std::vector<double>{0.1}),
      testing::ElementsAre(0.4));
}

}  // namespace
}  // namespace metaplastic
