// Activation functions that meta-training did not use.              [paper: section 5.3, figure 5]
#include "experiments/workbench.h"

namespace metaplastic {

ExperimentResult run_activation(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.columns = {"dataset", "activation", "method", "accuracy", "stderr", "steps"};
  int num_pairs = 0, num_better = 0;
  for (const std::string& spec : image_data(options)) {
    const Workbench bench(options, spec);
    GroupedBarChart chart;
    chart.id = "activation-" + bench.slug();
    chart.title = fmt::format("{}: accuracy by activation function", bench.name());
    chart.description = chart.title + ", of the rule and of the same network at its random start.";
    chart.y_title = "accuracy";
    for (const std::string& name : activation_names()) {
      BaseModel model = usual_model();
      model.activation = activation_from_name(name);
      const Measured learned = bench.learned(name, options.rule.rule, model);
      const Measured random = bench.random(name, model);
      add_learned_and_random({{"dataset", bench.name()}, {"activation", name}}, learned, random,
                             result.rows);
      chart.bars.push_back({name, "learned", learned.accuracy, learned.error});
      chart.bars.push_back({name, "random", random.accuracy, random.error});
      ++num_pairs;
      num_better += learned.accuracy > random.accuracy + random.error + learned.error;
    }
    result.figures.push_back(grouped_bar_figure(chart));
  }
  result.finding = fmt::format(
      "The rule is ahead of the random network by more than both standard errors with {} of {} "
      "activation functions (a data set each).",
      num_better, num_pairs);
  return result;
}

}  // namespace metaplastic
