// Shuffled input dimensions.                                         [paper: section 5.3, figure 4]
#include "experiments/workbench.h"

namespace metaplastic {

ExperimentResult run_permutation(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.columns = {"dataset", "inputs", "method", "accuracy", "stderr"};
  for (const std::string& spec : image_data(options)) {
    GroupedBarChart chart;
    std::vector<Measured> of_rule;
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
      for (const auto& [method, measured] :
           {std::pair{"learned", &learned}, std::pair{"random", &random}}) {
        nlohmann::json row = {{"dataset", dataset}, {"inputs", inputs}, {"method", method}};
        put(row, *measured);
        result.rows.push_back(std::move(row));
        chart.bars.push_back({inputs, method, measured->accuracy, measured->error});
      }
    }
    chart.id = "permutation-" + slug;
    chart.title = fmt::format("{}: inputs in place and shuffled", dataset);
    chart.x_title = "inputs";
    chart.y_title = "accuracy";
    result.finding += fmt::format(
        "{}{}: the rule reaches {} with its inputs in place and {} with them shuffled.",
        result.finding.empty() ? "" : " ", dataset, plus_minus(of_rule[0]), plus_minus(of_rule[1]));
    chart.description = chart.title + ". " + result.finding;
    result.figures.push_back(grouped_bar_figure(chart));
  }
  return result;
}

}  // namespace metaplastic
