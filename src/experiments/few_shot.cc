// Few labels per class: the rule beside the usual ways to features.   [paper: section 5.2, figure
// 4]
#include "base/error.h"
#include "baselines/methods.h"
#include "baselines/training.h"
#include "experiments/fixed_method.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

constexpr int kShots[] = {1, 3, 10};
constexpr int kQuickFewShotSteps = 200;

// Quick: those that need no search, and one that does with a single training.
std::vector<std::string> methods_of(const ExperimentOptions& options) {
  if (!options.quick) return method_names();
  return {"learned", "random", "raw", "pca", "vae"};
}

// A row of the table: a rule, or a method of evaluate.
struct Contender {
  std::string name;         // in the table
  std::string method_name;  // of evaluate
  const Rule* rule;
};

std::vector<Contender> contenders_of(const ExperimentOptions& options) {
  std::vector<Contender> contenders;
  for (const std::string& name : methods_of(options)) {
    if (name != "learned") {
      contenders.push_back({name, name, &options.rules.front().rule});
      continue;
    }
    for (const RuleCase& each : rule_cases(options)) {
      contenders.push_back({each.method, name, &each.rule()});
    }
  }
  return contenders;
}

int steps_of(const ExperimentOptions& options) {
  return options.training_steps.value_or(options.quick ? kQuickFewShotSteps
                                                       : MethodOptions{}.training_steps);
}

// Roughly, of one core: conv networks do the work of dense ones at every place. A method learns
// once, with the first number of labels.
double training_seconds(const Workbench& bench, const Contender& contender, int shots,
                        const ExperimentOptions& options) {
  if (shots != kShots[0]) return 0;
  constexpr double kPlaces = 4;  // as measured on digits
  const std::string& method = contender.method_name;
  const double dense = bench.training_seconds(usual_model(), steps_of(options));
  if (method == "learned" || method == "label-spreading") {
    return bench.rule_seconds(*contender.rule, usual_model());
  }
  if (method == "random" || method == "raw" || method == "pca" || method == "kmeans") return 0;
  const bool is_conv =
      method.find("conv") != std::string::npos || method == "patch-kmeans" || method == "softhebb";
  return num_tunings(options) * dense * (is_conv ? kPlaces : 1);
}

GroupedBarChart empty_chart(const Workbench& bench) {
  GroupedBarChart chart;
  chart.id = "few-shot-" + bench.slug();
  chart.title = fmt::format("{}: accuracy with few labels per class", bench.name());
  chart.x_title = "labels per class";
  chart.y_title = "accuracy";
  return chart;
}

}  // namespace

ExperimentResult run_few_shot(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.settings.update({{"shots", kShots}, {"readout", "best layer"}, {"base_models", 1}});
  result.columns = {"dataset", "shots", "method", "accuracy", "stderr", "steps"};
  MethodOptions method_options;
  method_options.fit.layers = LayerChoice{};
  method_options.fit.training.model = usual_model();
  method_options.training_steps = steps_of(options);
  result.settings["training_steps"] = method_options.training_steps;
  result.settings["tunings"] = num_tunings(options);
  const std::vector<Contender> contenders = contenders_of(options);
  for (const ChosenData& chosen : image_data(options)) {
    const Workbench bench(options, chosen);
    GroupedBarChart chart = empty_chart(bench);
    method_options.fit.resize = bench.resize();
    std::string best, of_rules;
    double highest = -1;
    for (const auto& [name, method_name, rule] : contenders) {
      method_options.fit.training.inner_steps = bench.inner_steps(*rule);
      // Learns once; only the labelled draws differ from shots to shots. One base model each.
      const RememberedMethod method(
          std::move(make_methods({method_name}, *rule, method_options).front()));
      if (const auto why = bench.unsuited(*method.handle())) {
        result.notes.push_back(fmt::format("{}: {} {}", bench.name(), name, *why));
        continue;
      }
      for (const int shots : kShots) {
        const double seconds = training_seconds(bench, {name, method_name, rule}, shots, options);
        const Measured measured =
            bench.measure(name, [&] { return method.handle(); },
                          {.shots = shots, .num_models = 1, .seconds = seconds});
        nlohmann::json row = {{"dataset", bench.name()},
                              {"shots", shots},
                              {"method", name},
                              {"steps", measured.steps},
                              {"settings", measured.settings}};
        put(row, measured);
        result.rows.push_back(std::move(row));
        chart.bars.push_back({fmt::format("{}", shots), name, measured.accuracy, measured.error});
        if (shots != kShots[2]) continue;
        if (method_name == "learned") {
          of_rules += fmt::format("{}{} reaches {}", of_rules.empty() ? "" : ", ",
                                  name == method_name ? "the rule" : name, plus_minus(measured));
        }
        if (measured.accuracy > highest) {
          highest = measured.accuracy;
          best = name;
        }
      }
    }
    add_sentence(result.finding,
                 fmt::format("{}, 10 labels per class: {}; the best method is {} with {:.3f}.",
                             bench.name(), of_rules, best, highest));
    chart.description = chart.title + ". " + result.finding;
    result.figures.push_back(grouped_bar_figure(chart));
  }
  return result;
}

}  // namespace metaplastic
