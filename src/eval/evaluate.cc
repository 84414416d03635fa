#include "eval/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/clock.h"
#include "base/error.h"
#include "data/dataset_rows.h"
#include "eval/probe.h"

namespace metaplastic {
namespace {

using Rows = std::vector<std::int64_t>;

// The rows that any draw touches, prepared once, and the draws as positions among them.
struct Judged {
  std::vector<float> rows;  // [M,U_0]
  std::int64_t num_rows = 0;
  std::vector<int> labels;  // [M]
  int num_classes = 0;
  Draws draws;
};

Judged gather_judged(const Dataset& data, const RowSource& prepared, const DrawOptions& options) {
  Judged judged;
  judged.draws = make_draws(data, options);
  judged.num_classes = data.num_classes();
  Rows all = judged.draws.test_rows;
  const auto append = [&](const Rows& rows) { all.insert(all.end(), rows.begin(), rows.end()); };
  append(judged.draws.validation_rows);
  for (const Rows& support : judged.draws.validation_supports) append(support);
  for (const Rows& support : judged.draws.test_supports) append(support);
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  judged.num_rows = static_cast<std::int64_t>(all.size());
  judged.rows.resize(all.size() * static_cast<std::size_t>(prepared.num_features()));
  gather_rows(prepared, all, judged.rows);
  for (const std::int64_t row : all)
    judged.labels.push_back(data.labels[static_cast<std::size_t>(row)]);

  const auto to_positions = [&](Rows& rows) {
    for (std::int64_t& row : rows) row = std::ranges::lower_bound(all, row) - all.begin();
  };
  to_positions(judged.draws.test_rows);
  to_positions(judged.draws.validation_rows);
  for (Rows& support : judged.draws.validation_supports) to_positions(support);
  for (Rows& support : judged.draws.test_supports) to_positions(support);
  return judged;
}

std::vector<float> encode_judged(const FeatureCandidate& candidate, const Judged& judged,
                                 const std::string& method) {
  METAPLASTIC_CHECK(candidate.num_features >= 1);
  std::vector<float> features(static_cast<std::size_t>(judged.num_rows * candidate.num_features));
  candidate.encode(judged.rows, judged.num_rows, features);
  if (!std::ranges::all_of(features, [](float v) { return std::isfinite(v); })) {
    fail("method {}: expected finite features, found others with {}; leave it out of --methods",
         method, candidate.settings.dump());
  }
  return features;
}

struct Choice {
  std::size_t candidate = 0, lambda = 0;
  double accuracy = -1;  // mean over the validation draws
};

Choice choose(const std::vector<FeatureCandidate>& candidates, const Judged& judged,
              const std::string& method, const MethodContext& context) {
  Choice best;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    if (context.should_stop && context.should_stop()) throw Stopped{};
    const std::vector<float> features = encode_judged(candidates[c], judged, method);
    std::vector<double> mean(lambda_grid().size(), 0.0);
    for (const Rows& support : judged.draws.validation_supports) {
      const std::vector<double> accuracies =
          probe_accuracies(features, candidates[c].num_features, judged.labels, judged.num_classes,
                           {support, judged.draws.validation_rows}, lambda_grid());
      for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += accuracies[k];
    }
    for (std::size_t k = 0; k < mean.size(); ++k) {
      const double accuracy =
          mean[k] / static_cast<double>(judged.draws.validation_supports.size());
      if (accuracy > best.accuracy) best = {c, k, accuracy};
    }
  }
  return best;
}

MethodResult judge_method(FeatureMethod& method, const RowSource& training_rows,
                          const Judged& judged, const MethodContext& context) {
  MethodResult result;
  result.name = method.name();
  const Stopwatch learning;
  const std::vector<FeatureCandidate> candidates = method.fit(training_rows, context);
  METAPLASTIC_CHECK(!candidates.empty());
  result.seconds = learning.seconds();
  const Choice choice = choose(candidates, judged, result.name, context);
  const FeatureCandidate& candidate = candidates[choice.candidate];
  const Stopwatch encoding;
  const std::vector<float> features = encode_judged(candidate, judged, result.name);
  result.seconds += encoding.seconds();
  const double lambda = lambda_grid()[choice.lambda];
  for (const Rows& support : judged.draws.test_supports) {
    if (context.should_stop && context.should_stop()) throw Stopped{};
    result.trial_accuracy.push_back(
        probe_accuracies(features, candidate.num_features, judged.labels, judged.num_classes,
                         {support, judged.draws.test_rows}, {&lambda, 1})[0]);
  }
  const auto n = static_cast<double>(result.trial_accuracy.size());
  double square = 0;
  for (const double value : result.trial_accuracy) result.accuracy += value / n;
  for (const double value : result.trial_accuracy) square += std::pow(value - result.accuracy, 2);
  result.standard_error = n > 1 ? std::sqrt(square / (n - 1) / n) : 0;
  result.steps = candidate.steps;
  result.settings = candidate.settings;
  result.settings["lambda"] = lambda;
  result.settings["validation_accuracy"] = choice.accuracy;
  return result;
}

}  // namespace

EvaluationResult evaluate_methods(const Dataset& data, std::shared_ptr<const RowSource> prepared,
                                  const std::vector<std::unique_ptr<FeatureMethod>>& methods,
                                  const DrawOptions& options, const MethodContext& context) {
  METAPLASTIC_CHECK(prepared->num_rows() == data.num_rows());
  EvaluationResult result;
  result.dataset = data.name;
  result.draws = options;
  const Judged judged = gather_judged(data, *prepared, options);
  const SliceRows training_rows(prepared, 0, data.first_test_row);
  for (const auto& method : methods) {
    result.methods.push_back(judge_method(*method, training_rows, judged, context));
    for (const std::string& note : method->notes())
      result.notes.push_back(method->name() + ": " + note);
  }
  return result;
}

std::string evaluation_table(const EvaluationResult& result) {
  std::string table = fmt::format("{}: {} labels per class, {} draws, seed {}\n", result.dataset,
                                  result.draws.shots, result.draws.trials, result.draws.seed);
  std::size_t width = 6;
  for (const MethodResult& method : result.methods) width = std::max(width, method.name.size());
  table += fmt::format("{:<{}}  accuracy  +-stderr  seconds   steps  chosen on validation draws\n",
                       "method", width);
  for (const MethodResult& method : result.methods) {
    std::string settings;
    for (const auto& [key, value] : method.settings.items()) {
      if (key == "validation_accuracy") continue;
      settings += fmt::format("{}{} {}", settings.empty() ? "" : ", ", key, value.dump());
    }
    table +=
        fmt::format("{:<{}}  {:8.4f}  {:8.4f}  {:7.1f}  {:6}  {}\n", method.name, width,
                    method.accuracy, method.standard_error, method.seconds, method.steps, settings);
  }
  return table;
}

nlohmann::json evaluation_json(const EvaluationResult& result) {
  nlohmann::json methods = nlohmann::json::array();
  for (const MethodResult& method : result.methods) {
    methods.push_back({{"name", method.name},
                       {"accuracy", method.accuracy},
                       {"stderr", method.standard_error},
                       {"seconds", method.seconds},
                       {"steps", method.steps},
                       {"settings", method.settings}});
  }
  return {{"dataset", result.dataset},
          {"shots", result.draws.shots},
          {"trials", result.draws.trials},
          {"seed", result.draws.seed},
          {"methods", methods}};
}

}  // namespace metaplastic
