// From images to words.                                              [paper: section 5.3, figure 4]
#include "base/error.h"
#include "baselines/raw.h"
#include "experiments/checkpoints.h"
#include "experiments/own_data.h"
#include "experiments/row_lines.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

std::vector<ChosenData> text_data(const ExperimentOptions& options, ExperimentResult& result) {
  if (options.data.empty()) return {package_data(options, result.notes)};
  return chosen_data(options.data, options);
}

// The given rules beside a random start and the words themselves, then the checkpoints.
void measure_text(const ExperimentOptions& options, const Workbench& bench, const std::string& name,
                  const std::vector<RuleCheckpoint>& checkpoints, ExperimentResult& result) {
  BarChart bars;
  bars.id = "text-methods";
  bars.title = name + ": accuracy by method";
  bars.x_title = "accuracy";
  const Measured random = bench.random("random start", usual_model());
  const Measured raw = bench.measure("raw", [] { return raw_method(); });
  std::string of_rules;
  const auto add = [&](const std::string& method, const Measured& measured, bool is_rule) {
    add_row({{"dataset", name}, {"outer_step", nullptr}}, method, measured, result.rows);
    bars.bars.push_back({method, measured.accuracy, measured.error, is_rule, std::nullopt});
  };
  for (const RuleCase& each : rule_cases(options)) {
    const Measured learned = bench.learned(each.label("rule"), each.rule(), usual_model());
    add(each.method, learned, true);
    of_rules += fmt::format("{} {}, ", each.subject, plus_minus(learned));
  }
  add("random", random, false);
  add("raw", raw, false);
  add_sentence(result.finding, fmt::format("{}, {} classes: {}random start {}, raw words {}.", name,
                                           bench.data().num_classes(), of_rules, plus_minus(random),
                                           plus_minus(raw)));
  bars.description = bars.title + ". " + result.finding;
  result.figures.push_back(bar_figure(bars));
  for (const RuleCheckpoint& checkpoint : checkpoints) {
    const std::string label = fmt::format("outer step {}", checkpoint.outer_step);
    const nlohmann::json common = {{"dataset", name}, {"outer_step", checkpoint.outer_step}};
    add_row(common, "learned", bench.learned(label, checkpoint.rule, usual_model()), result.rows);
    add_row(common, "random", random, result.rows);
  }
}

}  // namespace

ExperimentResult run_text(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.columns = {"dataset", "outer_step", "method", "accuracy", "stderr", "steps"};
  std::vector<RuleCheckpoint> checkpoints;
  if (options.run.empty()) {
    result.notes.emplace_back("no --run DIR: the given rule only, no curve over checkpoints");
  } else {
    checkpoints = load_checkpoint_rules(options.run, options.quick ? 5 : 40);
  }
  for (const ChosenData& chosen : text_data(options, result)) {
    const Workbench bench(options, chosen);
    if (bench.data().kind != DataKind::kText) {
      fail("text: expected text, found a {}; give --data text:FILE.tsv or text:FOLDER",
           kind_name(bench.data().kind));
    }
    const std::string& name = bench.name();
    result.settings["classes"] = bench.data().num_classes();
    result.settings["documents"] = bench.data().num_rows();
    result.settings["words"] = bench.preprocess().num_inputs();
    measure_text(options, bench, name, checkpoints, result);
  }
  if (!checkpoints.empty()) {
    LineChart chart;
    chart.id = "text-checkpoints";
    chart.title = "Accuracy on text over meta-training on images";
    chart.description = chart.title + ".";
    chart.x_title = "outer step of the rule";
    chart.y_title = "accuracy";
    chart.lines = lines_of(result.rows, {"outer_step"});
    result.figures.push_back(line_figure(chart));
  }
  return result;
}

}  // namespace metaplastic
