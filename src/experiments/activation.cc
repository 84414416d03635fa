// Activation functions that meta-training did not use.              [paper: section 5.3, figure 5]
#include "experiments/workbench.h"

namespace metaplastic {

ExperimentResult run_activation(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.columns = {"dataset", "activation", "method", "accuracy", "stderr", "steps"};
  const std::vector<RuleCase> cases = rule_cases(options);
  Tally tally(cases);
  for (const ChosenData& chosen : image_data(options)) {
    const Workbench bench(options, chosen);
    GroupedBarChart chart;
    chart.id = "activation-" + bench.slug();
    chart.title = fmt::format("{}: accuracy by activation function", bench.name());
    chart.description = chart.title + ", of the rule and of the same network at its random start.";
    chart.y_title = "accuracy";
    for (const std::string& name : activation_names()) {
      BaseModel model = usual_model();
      model.activation = activation_from_name(name);
      const Measured random = bench.random(name, model);
      const auto add = [&](const std::string& method, const Measured& measured) {
        add_row({{"dataset", bench.name()}, {"activation", name}}, method, measured, result.rows);
        chart.bars.push_back({name, method, measured.accuracy, measured.error});
      };
      for (const RuleCase& each : cases) {
        const Measured learned = bench.learned(each.label(name), each.rule(), model);
        add(each.method, learned);
        tally.add(each, learned, random);
      }
      add("random", random);
    }
    result.figures.push_back(grouped_bar_figure(chart));
  }
  result.finding = tally.text("activation functions (of all data sets)");
  return result;
}

}  // namespace metaplastic
