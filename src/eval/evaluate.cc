#include "eval/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/clock.h"
#include "base/error.h"
#include "base/statistics.h"
#include "base/text.h"
#include "data/dataset_rows.h"
#include "eval/draw_set.h"
#include "eval/input_beside.h"
#include "eval/verdict.h"
#include "objective/linear_probe.h"

namespace metaplastic {
namespace {

// Prepared rows are kept in memory up to this size: preparing them costs more than a training step.
constexpr std::int64_t kMaxHeldBytes = std::int64_t{1} << 30;
constexpr std::size_t kMaxShownClasses = 20;

struct Judged {
  DrawSet validation, test;
};

struct Choice {
  std::size_t candidate = 0, lambda = 0;
  double accuracy = -1;  // mean over the validation draws
};

// The best lambda of every candidate.
std::vector<Choice> choices_of(const std::vector<FeatureCandidate>& candidates, DrawSet& validation,
                               const std::string& method, ThreadPool& pool,
                               const MethodContext& context) {
  std::vector<Choice> choices(candidates.size());
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    if (context.on_progress) {
      context.on_progress(
          fmt::format("{}: judging setting {}/{}", method, c + 1, candidates.size()));
    }
    const auto accuracies =
        draw_accuracies(candidates[c], validation, settings_to_try(candidates[c], context.probe),
                        pool, method, context);
    for (std::size_t k = 0; k < accuracies[0].size(); ++k) {
      double accuracy = 0;
      for (const std::vector<double>& draw : accuracies) accuracy += draw[k];
      accuracy /= static_cast<double>(accuracies.size());
      if (accuracy > choices[c].accuracy) choices[c] = {c, k, accuracy};
    }
  }
  return choices;
}

// A candidate's settings as they stand in the JSON.
nlohmann::json settings_of(const FeatureCandidate& candidate, const Choice& choice,
                           ProbeKind probe) {
  nlohmann::json settings = candidate.settings;
  const double chosen = settings_to_try(candidate, probe)[choice.lambda];
  if (candidate.encode) settings[candidate.spreads ? "alpha" : "lambda"] = chosen;
  if (candidate.encode && !candidate.spreads && probe == ProbeKind::kLogistic)
    settings["probe"] = "logistic";
  settings["validation_accuracy"] = choice.accuracy;
  return settings;
}

// Of one draw, which all labels are, the error of its test rows.
double error_of(const std::vector<double>& accuracies, const DrawSet& test) {
  if (accuracies.size() > 1) return standard_error(accuracies);
  const double a = accuracies.front();
  return std::sqrt(a * (1 - a) / static_cast<double>(test.query(0).size()));
}

MethodResult judge_method(FeatureMethod& method, const RowSource& training_rows, Judged& judged,
                          ThreadPool& pool, const MethodContext& context) {
  MethodResult result;
  result.name = method.name();
  const Stopwatch learning;
  const std::vector<FeatureCandidate> candidates =
      offer_inputs(method.fit(training_rows, context), training_rows, context.with_input);
  METAPLASTIC_CHECK(!candidates.empty());
  result.seconds = learning.seconds();
  const std::vector<Choice> choices =
      choices_of(candidates, judged.validation, result.name, pool, context);
  const Choice choice = *std::ranges::max_element(choices, {}, &Choice::accuracy);  // ties: first
  const FeatureCandidate& candidate = candidates[choice.candidate];
  const double setting = settings_to_try(candidate, context.probe)[choice.lambda];
  DrawOutcomes outcomes =
      draw_outcomes(candidate, judged.test, setting, pool, result.name, context);
  result.trial_accuracy = std::move(outcomes.accuracy);
  result.confusion = std::move(outcomes.confusion);
  result.accuracy = mean(result.trial_accuracy);
  result.standard_error = error_of(result.trial_accuracy, judged.test);
  result.steps = candidate.steps;
  result.settings = settings_of(candidate, choice, context.probe);
  result.settings["chosen_from"] = candidates.size();
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    result.candidates.push_back(settings_of(candidates[c], choices[c], context.probe));
    result.candidates.back()["steps"] = candidates[c].steps;
  }
  return result;
}

struct RowsToJudge {
  Judged judged;
  std::shared_ptr<const RowSource> training;
};

// What a method learns from and what it is judged on, of all prepared rows: those stand in memory
// where they are not too many, else those of the draws alone.
RowsToJudge rows_to_judge(const Dataset& data, std::shared_ptr<const RowSource> prepared,
                          const Draws& draws) {
  const std::int64_t bytes =
      prepared->num_rows() * prepared->num_features() * std::int64_t{sizeof(float)};
  const bool is_held = bytes <= kMaxHeldBytes;
  if (is_held) prepared = rows_of(read_all_rows(*prepared), prepared->num_features());
  return {{make_draw_set(data, prepared, is_held, draws.validation_rows, draws.validation_supports),
           make_draw_set(data, prepared, is_held, {draws.test_rows}, draws.test_supports)},
          std::make_shared<SliceRows>(prepared, 0, data.first_test_row)};
}

// Percent of every true class, for the terminal; "" with many classes.
std::string confusion_table(const EvaluationResult& result) {
  const std::size_t Y = result.class_names.size();
  if (result.methods.empty() || Y > kMaxShownClasses) return "";
  const auto learned = std::ranges::find(result.methods, "learned", &MethodResult::name);
  const MethodResult& method = learned == result.methods.end() ? result.methods[0] : *learned;
  if (method.confusion.size() != Y * Y) return "";
  std::string text =
      fmt::format("{}: percent of each true class (row) taken for class\n{:18}", method.name, "");
  for (std::size_t c = 0; c < Y; ++c) text += fmt::format("{:4}", c);
  for (std::size_t r = 0; r < Y; ++r) {
    const auto* counts = &method.confusion[r * Y];
    const auto total = static_cast<double>(std::accumulate(counts, counts + Y, std::int64_t{0}));
    text += fmt::format("\n{:3} {:14}", r, printable(result.class_names[r], 11));
    for (std::size_t c = 0; c < Y; ++c) {
      text += fmt::format("{:4.0f}", total > 0 ? 100 * static_cast<double>(counts[c]) / total : 0);
    }
  }
  return text + "\n";
}

nlohmann::json confusion_json(const MethodResult& method, std::size_t Y) {
  nlohmann::json rows = nlohmann::json::array();
  for (std::size_t r = 0; r < Y; ++r) {
    const auto first = method.confusion.begin() + static_cast<std::ptrdiff_t>(r * Y);
    rows.push_back(std::vector<std::int64_t>(first, first + static_cast<std::ptrdiff_t>(Y)));
  }
  return rows;
}

}  // namespace

EvaluationResult evaluate_methods(const Dataset& data, std::shared_ptr<const RowSource> prepared,
                                  const std::vector<std::unique_ptr<FeatureMethod>>& methods,
                                  const DrawOptions& options, const MethodContext& context) {
  METAPLASTIC_CHECK(prepared->num_rows() == data.num_rows());
  EvaluationResult result;
  result.dataset = data.name;
  result.class_names = data.class_names;
  result.draws = options;
  if (options.shots == kAllShots) result.draws.trials = 1;
  const Draws draws = make_draws(data, options);
  RowsToJudge usual = rows_to_judge(data, prepared, draws);
  ThreadPool pool(context.num_threads);
  for (const auto& method : methods) {
    RowsToJudge own;
    if (auto rows = method->own_rows(data)) own = rows_to_judge(data, std::move(rows), draws);
    RowsToJudge& rows = own.training ? own : usual;
    if (const auto reason = method->unsuited(context)) {
      result.notes.push_back(
          fmt::format("{}: left out: {} {}", method->name(), method->name(), *reason));
      continue;
    }
    result.methods.push_back(judge_method(*method, *rows.training, rows.judged, pool, context));
    for (const std::string& note : method->notes())
      result.notes.push_back(method->name() + ": " + note);
  }
  if (result.methods.empty() && !result.notes.empty()) {
    fail("methods: expected one that suits the data, found none; {}", result.notes.front());
  }
  return result;
}

std::string evaluation_table(const EvaluationResult& result) {
  std::string table = fmt::format("{}: {}, {} draws, seed {}\n", result.dataset,
                                  result.draws.shots == kAllShots
                                      ? std::string("all labels")
                                      : fmt::format("{} labels per class", result.draws.shots),
                                  result.draws.trials, result.draws.seed);
  std::size_t width = 6;
  for (const MethodResult& method : result.methods) width = std::max(width, method.name.size());
  table += fmt::format("{:<{}}  accuracy  +-stderr  seconds   steps  chosen on validation draws\n",
                       "method", width);
  for (const MethodResult& method : result.methods) {
    std::string settings;
    for (const auto& [key, value] : method.settings.items()) {
      if (key == "validation_accuracy" || key == "chosen_from") continue;
      settings += fmt::format("{}{} {}", settings.empty() ? "" : ", ", key, value.dump());
    }
    table +=
        fmt::format("{:<{}}  {:8.4f}  {:8.4f}  {:7.1f}  {:6}  {}\n", method.name, width,
                    method.accuracy, method.standard_error, method.seconds, method.steps, settings);
  }
  table += confusion_table(result);
  const std::string verdict = verdict_line(compare_learned(result));
  if (!verdict.empty()) table += verdict + "\n";
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
                       {"settings", method.settings},
                       {"candidates", method.candidates}});
    if (!method.confusion.empty()) {
      methods.back()["confusion"] = confusion_json(method, result.class_names.size());
    }
  }
  return {{"dataset", result.dataset},
          {"shots", result.draws.shots},
          {"trials", result.draws.trials},
          {"seed", result.draws.seed},
          {"classes", result.class_names},
          {"comparisons", comparisons_json(compare_learned(result))},
          {"methods", methods}};
}

}  // namespace metaplastic
