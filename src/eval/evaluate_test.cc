#include "eval/evaluate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "eval/sample.h"
#include "eval/test_data.h"
#include "io/test_folder.h"
#include "objective/linear_probe.h"

namespace metaplastic {
namespace {

DrawOptions few_draws() {
  DrawOptions options;
  options.shots = 5;
  options.trials = 20;
  options.seed = 3;
  return options;
}

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

EvaluationResult run(const Dataset& unsplit, const DrawOptions& options, int copies = 1) {
  const Dataset data = with_test_rows(unsplit, options.seed);
  std::vector<std::unique_ptr<FeatureMethod>> methods;
  for (int n = 0; n < copies; ++n) methods.push_back(std::make_unique<TwoCandidates>());
  return evaluate_methods(data, std::make_shared<Dataset>(data), methods, options, {});
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

TEST(Draws, RolesNeverOverlapAndClassesAreBalanced) {
  const Dataset data = with_test_rows(gaussian_dataset(301, 4, 3, 1), 9);
  const Draws draws = make_draws(data, few_draws());
  const std::set<std::int64_t> test(draws.test_rows.begin(), draws.test_rows.end());
  const std::set<std::int64_t> validation(draws.validation_rows.begin(),
                                          draws.validation_rows.end());
  EXPECT_EQ(test.size(), draws.test_rows.size());
  EXPECT_EQ(static_cast<std::int64_t>(test.size()), data.num_rows() - data.first_test_row);
  EXPECT_GE(*test.begin(), data.first_test_row);
  EXPECT_LT(*validation.rbegin(), data.first_test_row);
  EXPECT_EQ(draws.validation_supports.size(), 10u);
  EXPECT_EQ(draws.test_supports.size(), 20u);
  auto supports = draws.test_supports;
  supports.insert(supports.end(), draws.validation_supports.begin(),
                  draws.validation_supports.end());
  for (const auto& support : supports) {
    EXPECT_EQ(std::set<std::int64_t>(support.begin(), support.end()).size(), 15u);
    std::vector<int> counts(3, 0);
    for (const std::int64_t row : support) {
      EXPECT_FALSE(test.contains(row) || validation.contains(row));
      ++counts[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(row)])];
    }
    EXPECT_EQ(counts, (std::vector<int>{5, 5, 5}));
  }
  EXPECT_NE(draws.test_supports[0], draws.test_supports[1]);
  EXPECT_NE(draws.test_supports[0], draws.validation_supports[0]);
}

TEST(Draws, CapsAndOfficialTestRows) {
  Dataset data = gaussian_dataset(300, 4, 3, 1);
  data.first_test_row = 200;
  EXPECT_EQ(with_test_rows(data, 1).first_test_row, 200);
  DrawOptions options = few_draws();
  options.max_test_rows = 30;
  options.max_validation_rows = 15;
  const Draws draws = make_draws(data, options);
  EXPECT_EQ(draws.test_rows.size(), 30u);
  EXPECT_GE(draws.test_rows.front(), 200);
  EXPECT_LE(draws.validation_rows.size(), 15u);
}

TEST(Draws, TheSeededSplitKeepsRowsWithTheirLabels) {
  const Dataset data = gaussian_dataset(100, 4, 4, 1);
  const Dataset split = with_test_rows(data, 7);
  EXPECT_EQ(split.num_rows() - split.first_test_row, 20);
  std::vector<std::pair<std::vector<float>, int>> before, after;
  for (const auto& [from, to] : {std::pair{&data, &before}, std::pair{&split, &after}}) {
    for (std::int64_t n = 0; n < 100; ++n) {
      std::vector<float> row(4);
      from->read_rows(n, 1, row);
      to->emplace_back(row, from->labels[static_cast<std::size_t>(n)]);
    }
    std::ranges::sort(*to);
  }
  EXPECT_EQ(before, after);
  std::vector<float> block(400);
  split.read_rows(0, 100, block);
  std::vector<float> row(4);
  split.read_rows(73, 1, row);
  EXPECT_TRUE(std::equal(row.begin(), row.end(), block.begin() + 73 * 4));
}

TEST(Draws, TextIsSplitToo) {
  Dataset data;
  data.name = "words";
  data.kind = DataKind::kText;
  auto documents = std::make_shared<Documents>();
  documents->words = {"a", "b"};
  documents->starts = {0};
  for (int n = 0; n < 20; ++n) {
    documents->word_ids.insert(documents->word_ids.end(), static_cast<std::size_t>(n % 2 + 1),
                               n % 2);
    documents->starts.push_back(static_cast<std::int64_t>(documents->word_ids.size()));
    data.labels.push_back(n % 2);
  }
  data.documents = documents;
  data.num_documents = 20;
  data.class_names = {"short", "long"};
  data.first_test_row = 20;
  const Dataset split = with_test_rows(data, 1);
  EXPECT_EQ(split.first_test_row, 16);
  for (std::size_t n = 0; n < 20; ++n) {
    const auto first = static_cast<std::size_t>(split.documents->starts[n]);
    EXPECT_EQ(split.documents->starts[n + 1] - split.documents->starts[n], split.labels[n] + 1);
    EXPECT_EQ(split.documents->word_ids[first], split.labels[n]);
  }
}

TEST(Draws, WhatIsMissingIsSaid) {
  Dataset data = gaussian_dataset(30, 4, 3, 1);
  DrawOptions options = few_draws();
  options.shots = 8;
  const std::string few = error_line([&] { make_draws(with_test_rows(data, 1), options); });
  EXPECT_NE(few.find("at least 8 training rows"), std::string::npos) << few;
  EXPECT_NE(few.find("found 7 of class 'class 0'"), std::string::npos) << few;
  data.labels.clear();
  data.class_names.clear();
  EXPECT_NE(error_line([&] { with_test_rows(data, 1); }).find("expected labels"),
            std::string::npos);
  EXPECT_NE(error_line([&] { with_test_rows(gaussian_dataset(9, 2, 1, 1), 1); }).find("2 classes"),
            std::string::npos);
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
