// Shuffled input dimensions.                                         [paper: section 5.3, figure 4]
#include "base/error.h"
#include "baselines/methods.h"
#include "experiments/fixed_method.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

constexpr int kQuickSteps = 500;

// Learns from other classes, whose pixels are in place: it never sees the shuffling.
RememberedMethod prototypical_network(const ExperimentOptions& options) {
  MethodOptions method_options;
  method_options.fit.layers = LayerChoice{};
  method_options.fit.training.model = usual_model();
  if (options.quick) method_options.training_steps = kQuickSteps;
  return RememberedMethod(
      std::move(make_methods({"prototypical"}, options.rule.rule, method_options).front()));
}

}  // namespace

ExperimentResult run_permutation(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.columns = {"dataset", "inputs", "method", "accuracy", "stderr"};
  for (const std::string& spec : image_data(options)) {
    const RememberedMethod prototypical = prototypical_network(options);
    GroupedBarChart chart;
    std::vector<Measured> of_rule, of_network;
    std::string dataset, slug;
    for (const bool shuffled : {false, true}) {
      const std::string inputs = shuffled ? "shuffled" : "in place";
      const Workbench bench(options, spec,
                            shuffled ? std::optional(options.seed + 1) : std::nullopt);
      dataset = bench.name();
      slug = bench.slug();
      const Measured learned = bench.learned(inputs, options.rule.rule, usual_model());
      const Measured random = bench.random(inputs, usual_model());
      of_rule.push_back(learned);
      const auto add = [&](const std::string& method, const Measured& measured) {
        nlohmann::json row = {{"dataset", dataset}, {"inputs", inputs}, {"method", method}};
        put(row, measured);
        result.rows.push_back(std::move(row));
        chart.bars.push_back({inputs, method, measured.accuracy, measured.error});
      };
      add("learned", learned);
      add("random", random);
      if (const auto why = bench.unsuited(*prototypical.handle())) {
        result.notes.push_back(fmt::format("{}: prototypical {}", dataset, *why));
        continue;
      }
      of_network.push_back(bench.measure(
          inputs, [&] { return prototypical.handle(); }, 10, /*num_models=*/1));
      add("prototypical", of_network.back());
    }
    chart.id = "permutation-" + slug;
    chart.title = fmt::format("{}: inputs in place and shuffled", dataset);
    chart.x_title = "inputs";
    chart.y_title = "accuracy";
    result.finding += fmt::format(
        "{}{}: the rule reaches {} with its inputs in place and {} with them shuffled.",
        result.finding.empty() ? "" : " ", dataset, plus_minus(of_rule[0]), plus_minus(of_rule[1]));
    if (of_network.size() == 2) {
      result.finding += fmt::format(" A prototypical network goes from {} to {}.",
                                    plus_minus(of_network[0]), plus_minus(of_network[1]));
    }
    chart.description = chart.title + ". " + result.finding;
    result.figures.push_back(grouped_bar_figure(chart));
  }
  return result;
}

}  // namespace metaplastic
