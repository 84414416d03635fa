#include "eval/few_labels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "data/test_gaussians.h"
#include "eval/fit_few_labels.h"
#include "eval/predictions.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

// Labels of all rows but the first `labelled` of each class are taken away.
Dataset with_few_labels(Dataset data, int labelled) {
  std::vector<int> seen(data.class_names.size(), 0);
  for (int& label : data.labels) {
    if (++seen[static_cast<std::size_t>(label)] > labelled) label = kNoLabel;
  }
  return data;
}

FewLabelRequest quick_request() {
  FewLabelRequest request;
  request.fit.training.model = {{16}, 8, Unary::kRelu};
  request.fit.training.inner_steps = 20;
  return request;
}

double accuracy(const FewLabelFit& fit, const Dataset& all) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(all.num_rows()));
  std::iota(rows.begin(), rows.end(), 0);
  const RowPredictions found =
      predict_rows(fit.encoder, *prepare_rows(fit.encoder.preprocess, all), rows);
  double right = 0;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::string& name =
        fit.encoder.classifier->class_names[static_cast<std::size_t>(found.classes[n])];
    right += name == all.class_names[static_cast<std::size_t>(all.labels[n])];
  }
  return right / static_cast<double>(rows.size());
}

// Clusters that lie far apart: every read-out tells them, and so does the classifier.
TEST(FewLabels, TellsClustersApartFromFiveLabelsEach) {
  const Dataset all = gaussian_dataset(300, 10, 3, 8);
  const FewLabelFit fit =
      fit_few_labels(find_rule("hebb-decorrelate"), with_few_labels(all, 5), quick_request());
  EXPECT_GT(fit.choice.blend.accuracy, 0.95);
  EXPECT_GT(accuracy(fit, all), 0.97);
  EXPECT_EQ(fit.encoder.classifier->class_names, all.class_names);
  EXPECT_EQ(fit.choice.trials.size(), 5u);
}

// Labels that nothing tells: no read-out helps beyond doubt, and the accuracy out of fold is that
// of chance. 60 rows, so a standard error of sqrt(1/4/60) = 0.065: within 0.2.
TEST(FewLabels, KeepsLogisticRegressionWhereLearningCannotHelp) {
  const Dataset all = gaussian_dataset(200, 10, 2, 0);
  const FewLabelFit fit =
      fit_few_labels(find_rule("hebb-decorrelate"), with_few_labels(all, 30), quick_request());
  EXPECT_NEAR(fit.choice.blend.accuracy, 0.5, 0.2);
  const OutOfFold& blend = fit.choice.blend;
  EXPECT_TRUE(!fit.choice.uses_features() || blend.gain > kWantedErrors * blend.gain_error);
  EXPECT_EQ(fit.choice.logistic().gain, 0);
}

// A class is a shell around the other: the inputs tell nothing in a line, squares of units do. What
// is chosen must beat the inputs, and the encoder must hold that read-out.
TEST(FewLabels, ChoosesFeaturesThatTellMoreThanTheInputs) {
  Dataset all = gaussian_dataset(400, 2, 2, 0);
  std::vector<float> values(800);
  for (std::size_t n = 0; n < 400; ++n) {
    const double angle = 0.7 * static_cast<double>(n), radius = n % 2 == 0 ? 0.3 : 2;
    values[2 * n] = static_cast<float>(radius * std::cos(angle));
    values[2 * n + 1] = static_cast<float>(radius * std::sin(angle));
  }
  all.rows = rows_of(values, 2);
  const FewLabelFit fit =
      fit_few_labels(find_rule("hebb-decorrelate"), with_few_labels(all, 40), quick_request());
  EXPECT_TRUE(fit.choice.uses_features());
  EXPECT_NE(fit.encoder.readout.layer, Readout::kNone);
  EXPECT_TRUE(fit.encoder.readout.with_input);
  EXPECT_GT(fit.choice.blend.accuracy, fit.choice.logistic().accuracy + 0.2);
  EXPECT_GT(accuracy(fit, all), 0.9);
}

TEST(FewLabels, UnlabelledRowsHaveNoSayInTheClassesAndThreadsNone) {
  const Dataset all = gaussian_dataset(300, 10, 3, 2);
  Dataset few = with_few_labels(all, 6);
  for (std::size_t n = 0; n < few.labels.size(); ++n) {
    if (few.labels[n] == 1) few.labels[n] = kNoLabel;  // a class without a labelled row
  }
  FewLabelRequest request = quick_request();
  const FewLabelFit one = fit_few_labels(find_rule("hebb-decorrelate"), few, request);
  EXPECT_EQ(one.encoder.classifier->class_names, (std::vector<std::string>{"class 0", "class 2"}));
  request.fit.training.num_threads = 3;
  const FewLabelFit three = fit_few_labels(find_rule("hebb-decorrelate"), few, request);
  EXPECT_EQ(one.encoder.classifier->W, three.encoder.classifier->W);
  EXPECT_EQ(one.table, three.table);
}

TEST(FewLabels, ProbabilitiesFitTheOutOfFoldScores) {
  const Dataset all = gaussian_dataset(400, 10, 2, 1.5);
  const FewLabelFit fit =
      fit_few_labels(find_rule("hebb-decorrelate"), with_few_labels(all, 50), quick_request());
  std::vector<std::int64_t> rows;  // without a label
  for (std::int64_t n = 100; n < 400; ++n) rows.push_back(n);
  const RowPredictions found =
      predict_rows(fit.encoder, *prepare_rows(fit.encoder.preprocess, all), rows);
  double claimed = 0, right = 0;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const auto c = static_cast<std::size_t>(found.classes[n]);
    EXPECT_NEAR(found.probabilities[2 * n] + found.probabilities[2 * n + 1], 1, 1e-6);
    claimed += static_cast<double>(found.probabilities[2 * n + c]) / 300;
    right += (found.classes[n] == all.labels[n + 100]) / 300.0;
  }
  // Claimed and real accuracy: 300 rows and a temperature from 100, two standard errors of each.
  EXPECT_NEAR(claimed, right, 2 * std::sqrt(0.25 / 300 + 0.25 / 100));
}

TEST(FewLabels, RefusesLabelsThatWillNotDo) {
  const auto line = [](const Dataset& data) {
    return error_line([&] { fit_few_labels(find_rule("hebb"), data, quick_request()); });
  };
  const Dataset all = gaussian_dataset(60, 4, 2, 3);
  EXPECT_NE(line(with_few_labels(all, 0)).find("expected rows with a label"), std::string::npos);
  Dataset one = with_few_labels(all, 5);
  for (int& label : one.labels) label = label == 1 ? kNoLabel : label;
  EXPECT_NE(line(one).find("at least 2 classes, found 1"), std::string::npos);
}

TEST(Predictions, AreWrittenAsCsv) {
  const RowPredictions found{{3, 7}, {0, 1}, {0.75f, 0.25f, 0.0f, 1.0f}};
  EXPECT_EQ(
      predictions_csv(found, {"a", "b, \"c\""}),
      "row,class,p(a),\"p(b, \"\"c\"\")\"\n3,a,0.7500,0.2500\n7,\"b, \"\"c\"\"\",0.0000,1.0000\n");
}

}  // namespace
}  // namespace metaplastic
