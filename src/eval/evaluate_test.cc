#include "eval/evaluate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "base/sample.h"
#include "eval/test_data.h"
#include "io/test_folder.h"
#include "objective/linear_probe.h"

namespace metaplastic {
namespace {

// Rows as they are, or garbage: what the protocol must tell apart.
class TwoCandidates : public FeatureMethod {
 public:
  explicit TwoCandidates(bool broken = false) : broken_(broken) {}
  std::string name() const override { return "two"; }
  std::vector<FeatureCandidate> fit(const RowSource& rows, const MethodContext&) override {
    num_training_rows = rows.num_rows();
    const float bad = broken_ ? std::numeric_limits<float>::infinity() : 0.0f;
    FeatureCandidate zero;
    zero.settings = {{"which", "zero"}};
    zero.num_features = 1;
    zero.encode = [bad](std::span<const float>, std::int64_t, std::span<float> out) {
      std::ranges::fill(out, bad);
    };
    FeatureCandidate same;
    same.settings = {{"which", "same"}};
    same.num_features = rows.num_features();
    same.steps = 7;
    same.encode = [](std::span<const float> x, std::int64_t, std::span<float> out) {
      std::ranges::copy(x, out.begin());
    };
    return {zero, same};
  }
  std::int64_t num_training_rows = 0;

 private:
  bool broken_;
};

EvaluationResult run(const Dataset& unsplit, const DrawOptions& options, int copies = 1,
                     const MethodContext& context = {}) {
  const Dataset data = with_test_rows(unsplit, options.seed);
  std::vector<std::unique_ptr<FeatureMethod>> methods;
  for (int n = 0; n < copies; ++n) methods.push_back(std::make_unique<TwoCandidates>());
  return evaluate_methods(data, std::make_shared<Dataset>(data), methods, options, context);
}

TEST(Evaluate, TheLogisticProbeReadsTheSameDraws) {
  MethodContext context;
  context.probe = ProbeKind::kLogistic;
  const Dataset data = gaussian_dataset(300, 6, 3, 2);
  const MethodResult ridge = run(data, few_draws()).methods[0];
  const MethodResult logistic = run(data, few_draws(), 1, context).methods[0];
  EXPECT_EQ(logistic.settings["probe"], "logistic");
  EXPECT_FALSE(ridge.settings.contains("probe"));
  EXPECT_NE(logistic.trial_accuracy, ridge.trial_accuracy);
  EXPECT_NEAR(logistic.accuracy, ridge.accuracy, 0.05);
  EXPECT_GT(logistic.accuracy, 0.5);
}

TEST(Evaluate, SeparableClassesAreRecognisedRandomLabelsAreNot) {
  const EvaluationResult good = run(gaussian_dataset(600, 10, 3, 12), few_draws());
  EXPECT_GT(good.methods[0].accuracy, 0.98);
  EXPECT_EQ(good.methods[0].settings["which"], "same");
  EXPECT_EQ(good.methods[0].steps, 7);
  // 120 test rows and 20 draws of chance 1/3: one draw deviates by 0.043, all by less than 0.043.
  const EvaluationResult chance = run(gaussian_dataset(600, 10, 3, 0), few_draws());
  EXPECT_NEAR(chance.methods[0].accuracy, 1.0 / 3, 0.1);
}

TEST(Evaluate, DrawsAreSharedAndAFunctionOfTheSeed) {
  DrawOptions options = few_draws();
  const Dataset data = gaussian_dataset(300, 6, 3, 2);
  const EvaluationResult first = run(data, options, 2);
  EXPECT_EQ(first.methods[0].trial_accuracy, first.methods[1].trial_accuracy);
  EXPECT_EQ(first.methods[0].trial_accuracy, run(data, options).methods[0].trial_accuracy);
  options.seed = 4;
  EXPECT_NE(first.methods[0].trial_accuracy, run(data, options).methods[0].trial_accuracy);
}

TEST(Evaluate, MeanAndStandardError) {
  const MethodResult method = run(gaussian_dataset(300, 6, 3, 2), few_draws()).methods[0];
  ASSERT_EQ(method.trial_accuracy.size(), 20u);
  double sum = 0, square = 0;
  for (const double value : method.trial_accuracy) sum += value, square += value * value;
  EXPECT_NEAR(method.accuracy, sum / 20, 1e-12);
  EXPECT_NEAR(method.standard_error, std::sqrt((square - sum * sum / 20) / 19 / 20), 1e-9);
}

TEST(Evaluate, NonFiniteFeaturesAreAnErrorThatNamesTheMethod) {
  const Dataset data = with_test_rows(gaussian_dataset(300, 6, 3, 2), 1);
  std::vector<std::unique_ptr<FeatureMethod>> methods;
  methods.push_back(std::make_unique<TwoCandidates>(true));
  const std::string line = error_line(
      [&] { evaluate_methods(data, std::make_shared<Dataset>(data), methods, few_draws(), {}); });
  EXPECT_NE(line.find("method two: expected finite features"), std::string::npos) << line;
}

TEST(Evaluate, JsonHasTheContractsKeys) {
  const EvaluationResult result = run(gaussian_dataset(300, 6, 3, 2), few_draws());
  const nlohmann::json json = evaluation_json(result);
  std::set<std::string> keys, method_keys;
  for (const auto& [key, value] : json.items()) keys.insert(key);
  for (const auto& [key, value] : json["methods"][0].items()) method_keys.insert(key);
  EXPECT_EQ(keys, (std::set<std::string>{"dataset", "shots", "trials", "seed", "methods", "classes",
                                         "comparisons"}));
  EXPECT_EQ(method_keys, (std::set<std::string>{"name", "accuracy", "stderr", "seconds", "steps",
                                                "settings", "candidates", "confusion"}));
  EXPECT_EQ(json["shots"], 5);
  EXPECT_TRUE(json["methods"][0]["settings"].contains("lambda"));
  const std::string table = evaluation_table(result);
  EXPECT_NE(table.find("two"), std::string::npos);
  EXPECT_EQ(std::ranges::count(table, '\n'), 3 + 5);  // and the confusion of three classes
}

TEST(Evaluate, TheConfusionAddsUpToTheAccuracy) {
  const Dataset unsplit = gaussian_dataset(300, 6, 3, 2);
  const EvaluationResult result = run(unsplit, few_draws());
  const auto& counts = result.methods[0].confusion;
  ASSERT_EQ(counts.size(), 9u);
  const Dataset data = with_test_rows(unsplit, few_draws().seed);
  const std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  EXPECT_EQ(total, few_draws().trials * (data.num_rows() - data.first_test_row));
  EXPECT_NEAR(static_cast<double>(counts[0] + counts[4] + counts[8]) / static_cast<double>(total),
              result.methods[0].accuracy, 1e-12);
  // Every true class has its share of the test rows in every draw.
  const auto in_class = std::count(data.labels.begin() + data.first_test_row, data.labels.end(), 1);
  EXPECT_EQ(counts[3] + counts[4] + counts[5], few_draws().trials * in_class);
  EXPECT_EQ(evaluation_json(result)["methods"][0]["confusion"][1][2], counts[5]);
}

// A table whose only column is the class: who reads the right rows makes no mistake.
Dataset telling_dataset() {
  Dataset data = gaussian_dataset(90, 1, 2, 0);
  std::vector<float> values(data.labels.begin(), data.labels.end());
  data.rows = rows_of(std::move(values), 1);
  return data;
}

class ReadsTheClass : public FeatureMethod {
 public:
  std::string name() const override { return "reads"; }
  std::vector<FeatureCandidate> fit(const RowSource&, const MethodContext&) override {
    FeatureCandidate candidate;
    candidate.classify = [](const LabelledDraw& draw, std::span<int> predicted) {
      for (std::size_t n = 0; n < draw.labels.size(); ++n) {
        EXPECT_EQ(static_cast<int>(draw.support[n]), draw.labels[n]);
      }
      for (std::size_t n = 0; n < predicted.size(); ++n) {
        predicted[n] = static_cast<int>(draw.query[n]);
      }
    };
    return {candidate};
  }
};

TEST(Evaluate, EveryDrawIsJudgedByItsOwnRows) {
  const Dataset data = with_test_rows(telling_dataset(), few_draws().seed);
  ASSERT_EQ(make_draws(data, few_draws()).validation_rows.size(), 5u);  // they change in turn
  std::vector<std::unique_ptr<FeatureMethod>> methods;
  methods.push_back(std::make_unique<ReadsTheClass>());
  methods.push_back(std::make_unique<TwoCandidates>());
  const auto result =
      evaluate_methods(data, std::make_shared<Dataset>(data), methods, few_draws(), {});
  for (const MethodResult& method : result.methods) {
    EXPECT_EQ(method.accuracy, 1) << method.name;
    EXPECT_EQ(method.settings["validation_accuracy"], 1) << method.name;
  }
}

// One feature, two classes at -1 and +1: the normal equation by hand. Centred x has length 1, so
// n = 2 gives beta = 1 / (2 + lambda) for targets -+1/2: the sign decides, whatever lambda.
TEST(Probe, TwoPointsSplitInTheMiddle) {
  const std::vector<float> features = {99, 101, 99.5f, 100.5f, 99.9f, 100.1f};
  const std::vector<int> labels = {0, 1, 0, 1, 1, 1};
  const std::vector<std::int64_t> support = {0, 1}, query = {2, 3, 4, 5};
  EXPECT_EQ(probe_accuracies(features, 1, labels, 2, {support, query}, lambda_grid()),
            std::vector<double>(lambda_grid().size(), 0.75));
}

// The two ways to solve agree, and neither a scale nor a shift of all features matters.
TEST(Probe, BothSystemsAndAllScalesAgree) {
  const Dataset data = gaussian_dataset(400, 12, 3, 2);
  const std::vector<float> narrow = read_all_rows(data);
  std::vector<float> wide,
      scaled;  // wide: 10 copies of each row, divided by sqrt(10): same products
  for (std::size_t n = 0; n < 400; ++n) {
    for (int copy = 0; copy < 10; ++copy) {
      for (std::size_t u = 0; u < 12; ++u) wide.push_back(narrow[n * 12 + u] / std::sqrt(10.0f));
    }
  }
  for (const float value : narrow) scaled.push_back(1000 * value + 50);
  std::vector<std::int64_t> support, query;
  for (int n = 0; n < 400; ++n) (n < 60 ? support : query).push_back(n);
  const auto expected =
      probe_accuracies(narrow, 12, data.labels, 3, {support, query}, lambda_grid());
  EXPECT_GT(*std::ranges::max_element(expected), 0.5);
  const auto from_wide =
      probe_accuracies(wide, 120, data.labels, 3, {support, query}, lambda_grid());
  const auto from_scaled =
      probe_accuracies(scaled, 12, data.labels, 3, {support, query}, lambda_grid());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    // Rounding may move a row that lies on a boundary: one of 340.
    EXPECT_NEAR(from_wide[k], expected[k], 1.0 / 340 + 1e-9);
    EXPECT_NEAR(from_scaled[k], expected[k], 1.0 / 340 + 1e-9);
  }
}

TEST(Sample, EverySetIsAsLikely) {
  std::vector<int> hits(10, 0);
  for (std::uint32_t n = 0; n < 3000; ++n) {
    Random random(1, Purpose::kTest, 0, n);
    const auto drawn = sample_without_replacement(random, 10, 3);
    EXPECT_EQ(std::set<std::int64_t>(drawn.begin(), drawn.end()).size(), 3u);
    for (const std::int64_t value : drawn) ++hits[static_cast<std::size_t>(value)];
  }
  // 900 expected, standard deviation sqrt(3000 * 0.3 * 0.7) = 25; five of them.
  for (const int count : hits) EXPECT_NEAR(count, 900, 125);
  Random random(1, Purpose::kTest);
  EXPECT_EQ(sorted_sample(random, 4, 9), (std::vector<std::int64_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace metaplastic
