// The comparison of methods with few labels: one protocol for all of them. docs/evaluation.md.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/draws.h"
#include "eval/method.h"

namespace metaplastic {

struct MethodResult {
  std::string name;
  double accuracy = 0;        // mean over the test draws
  double standard_error = 0;  // over the test draws
  double seconds = 0;         // learning, all trainings of its search together
  std::int64_t steps = 0;
  // Of the chosen candidate, with lambda, validation_accuracy and the number it was chosen_from.
  nlohmann::json settings;
  // All that the choice was among: settings, steps, best lambda, validation_accuracy.
  nlohmann::json candidates = nlohmann::json::array();
  std::vector<double> trial_accuracy;   // [trials]
  std::vector<std::int64_t> confusion;  // [true class, predicted class] over the test draws, or
                                        // empty (DrawOutcomes)
};

struct EvaluationResult {
  std::string dataset;
  std::vector<std::string> class_names;
  DrawOptions draws;
  std::vector<MethodResult> methods;
  std::vector<std::string> notes;  // one line each
};

// Each method learns from the unlabelled training rows; of its candidates and lambdas the best mean
// over the validation draws is taken (ties: the first), and that one is judged on the test draws.
// `data` has labels and test rows (with_test_rows); `prepared` are all its rows, prepared.
// Methods that do not suit the data are left out with a note. Throws Error, naming the method, when
// features are not finite, and when no method is left.
EvaluationResult evaluate_methods(const Dataset& data, std::shared_ptr<const RowSource> prepared,
                                  const std::vector<std::unique_ptr<FeatureMethod>>& methods,
                                  const DrawOptions& options, const MethodContext& context);

// For people: the table, where there are few classes what learned (else the first method) takes for
// what, and the verdict (verdict.h) as last line.
std::string evaluation_table(const EvaluationResult& result);
// {"dataset", "shots", "trials", "seed", "classes", "comparisons", "methods": [{"name", "accuracy",
// "stderr", "seconds", "steps", "settings", "confusion"}]}; no confusion with many classes.
nlohmann::json evaluation_json(const EvaluationResult& result);

}  // namespace metaplastic
