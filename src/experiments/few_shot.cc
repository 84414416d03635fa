// Few labels per class: the rule beside the usual ways to features.   [paper: section 5.2, figure
// 4]
#include "base/error.h"
#include "baselines/methods.h"
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

}  // namespace

ExperimentResult run_few_shot(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.settings["shots"] = kShots;
  result.settings["readout"] = "best layer";
  result.columns = {"dataset", "shots", "method", "accuracy", "stderr", "steps"};
  MethodOptions method_options;
  method_options.fit.layers = LayerChoice{};
  method_options.fit.training.model = usual_model();
  method_options.fit.training.inner_steps =
      options.inner_steps.value_or(options.rule.rule.inner.inner_steps);
  if (options.quick) method_options.training_steps = kQuickFewShotSteps;
  result.settings["training_steps"] = method_options.training_steps;
  for (const std::string& spec : image_data(options)) {
    const Workbench bench(options, spec);
    GroupedBarChart chart;
    chart.id = "few-shot-" + bench.slug();
    chart.title = fmt::format("{}: accuracy with few labels per class", bench.name());
    chart.x_title = "labels per class";
    chart.y_title = "accuracy";
    std::string best;
    double highest = -1, of_rule = 0;
    for (const std::string& name : methods_of(options)) {
      // Learns once; only the labelled draws differ from shots to shots. One base model each.
      const RememberedMethod method(
          std::move(make_methods({name}, options.rule.rule, method_options).front()));
      if (const auto why = bench.unsuited(*method.handle())) {
        result.notes.push_back(fmt::format("{}: {} {}", bench.name(), name, *why));
        continue;
      }
      for (const int shots : kShots) {
        const Measured measured = bench.measure(
            name, [&] { return method.handle(); }, shots, /*num_models=*/1);
        nlohmann::json row = {{"dataset", bench.name()},
                              {"shots", shots},
                              {"method", name},
                              {"steps", measured.steps},
                              {"settings", measured.settings}};
        put(row, measured);
        result.rows.push_back(std::move(row));
        chart.bars.push_back({fmt::format("{}", shots), name, measured.accuracy, measured.error});
        if (shots != kShots[2]) continue;
        if (name == "learned") of_rule = measured.accuracy;
        if (measured.accuracy > highest) {
          highest = measured.accuracy;
          best = name;
        }
      }
    }
    result.finding += fmt::format(
        "{}{}, 10 labels per class: the rule reaches {:.3f}; the best method is {} with {:.3f}.",
        result.finding.empty() ? "" : " ", bench.name(), of_rule, best, highest);
    chart.description = chart.title + ". " + result.finding;
    result.figures.push_back(grouped_bar_figure(chart));
  }
  return result;
}

}  // namespace metaplastic
