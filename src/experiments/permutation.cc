// Shuffled input dimensions.                                         [paper: section 5.3, figure 4]
#include <map>

#include "base/error.h"
#include "baselines/methods.h"
#include "baselines/training.h"
#include "experiments/fixed_method.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

constexpr int kQuickSteps = 500;

int prototypical_steps(const ExperimentOptions& options) {
  return options.training_steps.value_or(options.quick ? kQuickSteps
                                                       : MethodOptions{}.training_steps);
}

double seconds_of(const Workbench& bench, const ExperimentOptions& options) {
  return num_tunings(options) * bench.training_seconds(usual_model(), prototypical_steps(options));
}

// Learns from other classes, whose pixels are in place: it never sees the shuffling.
RememberedMethod prototypical_network(const ExperimentOptions& options) {
  MethodOptions method_options;
  method_options.fit.layers = LayerChoice{};
  method_options.fit.training.model = usual_model();
  method_options.training_steps = prototypical_steps(options);
  return RememberedMethod(std::move(
      make_methods({"prototypical"}, options.rules.front().rule, method_options).front()));
}

}  // namespace

ExperimentResult run_permutation(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.settings["training_steps"] = prototypical_steps(options);
  result.settings["tunings"] = num_tunings(options);
  result.columns = {"dataset", "inputs", "method", "accuracy", "stderr"};
  const std::vector<RuleCase> cases = rule_cases(options);
  for (const ChosenData& chosen : image_data(options)) {
    const RememberedMethod prototypical = prototypical_network(options);
    GroupedBarChart chart;
    std::map<std::string, std::vector<Measured>> of_method;  // in place, shuffled
    std::string dataset, slug;
    for (const bool shuffled : {false, true}) {
      const std::string inputs = shuffled ? "shuffled" : "in place";
      const Workbench bench(options, chosen,
                            shuffled ? std::optional(options.seed + 1) : std::nullopt);
      dataset = bench.name();
      slug = bench.slug();
      const auto add = [&](const std::string& method, const Measured& measured) {
        nlohmann::json row = {{"dataset", dataset}, {"inputs", inputs}, {"method", method}};
        put(row, measured);
        result.rows.push_back(std::move(row));
        chart.bars.push_back({inputs, method, measured.accuracy, measured.error});
        of_method[method].push_back(measured);
      };
      for (const RuleCase& each : cases) {
        add(each.method, bench.learned(each.label(inputs), each.rule(), usual_model()));
      }
      add("random", bench.random(inputs, usual_model()));
      if (const auto why = bench.unsuited(*prototypical.handle())) {
        result.notes.push_back(fmt::format("{}: prototypical {}", dataset, *why));
        continue;
      }
      add("prototypical",
          bench.measure(inputs + ", prototypical", [&] { return prototypical.handle(); },
                        {.num_models = 1, .seconds = seconds_of(bench, options)}));
    }
    chart.id = "permutation-" + slug;
    chart.title = fmt::format("{}: inputs in place and shuffled", dataset);
    chart.x_title = "inputs";
    chart.y_title = "accuracy";
    for (const RuleCase& each : cases) {
      const std::vector<Measured>& found = of_method[each.method];
      add_sentence(result.finding,
                   fmt::format("{}: {} reaches {} with its inputs in place and {} with them "
                               "shuffled.",
                               dataset, each.subject, plus_minus(found[0]), plus_minus(found[1])));
    }
    if (const auto found = of_method.find("prototypical"); found != of_method.end()) {
      add_sentence(result.finding,
                   fmt::format("A prototypical network goes from {} to {}.",
                               plus_minus(found->second[0]), plus_minus(found->second[1])));
    }
    chart.description = chart.title + ". " + result.finding;
    result.figures.push_back(grouped_bar_figure(chart));
  }
  return result;
}

}  // namespace metaplastic
