// Held-out accuracy over meta-training.                              [paper: section 5.2, figure 3]
#include "base/error.h"
#include "experiments/checkpoints.h"
#include "experiments/own_data.h"
#include "experiments/row_lines.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

// Images and, in the full form, text: the rule meets no data of that kind before.
std::vector<ChosenData> held_out_data(const ExperimentOptions& options, ExperimentResult& result) {
  std::vector<ChosenData> data = image_data(options);
  if (options.data.empty() && !options.quick) data.push_back(package_data(options, result.notes));
  return data;
}

// Where several rules were given, each is a level beside the curve.
void add_levels(const Workbench& bench, const std::string& name,
                const std::vector<RuleCheckpoint>& checkpoints, const ExperimentOptions& options,
                ExperimentResult& result) {
  if (options.rules.size() < 2) return;
  for (const RuleCase& each : rule_cases(options)) {
    const Measured level = bench.learned(each.method, each.rule(), usual_model());
    for (const RuleCheckpoint& checkpoint : checkpoints) {
      add_row({{"dataset", name}, {"outer_step", checkpoint.outer_step}}, each.method, level,
              result.rows);
    }
    add_sentence(result.finding,
                 fmt::format("{} reaches {} there.", each.method, plus_minus(level)));
  }
}

}  // namespace

ExperimentResult run_meta_curves(const ExperimentOptions& options) {
  if (options.run.empty()) {
    fail(
        "meta-curves: expected --run DIR, a folder that train wrote with rules/step-*.safetensors, "
        "found none; give one");
  }
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.columns = {"dataset", "outer_step", "method", "accuracy", "stderr", "steps"};
  const auto checkpoints = load_checkpoint_rules(options.run, options.quick ? 5 : 40);
  for (const ChosenData& chosen : held_out_data(options, result)) {
    const Workbench bench(options, chosen);
    const std::string& name = bench.name();
    const Measured random = bench.random("random start", usual_model());
    Measured first, last, best;
    std::int64_t best_at = 0;
    for (const RuleCheckpoint& checkpoint : checkpoints) {
      const Measured learned = bench.learned(fmt::format("outer step {}", checkpoint.outer_step),
                                             checkpoint.rule, usual_model());
      const nlohmann::json common = {{"dataset", name}, {"outer_step", checkpoint.outer_step}};
      add_row(common, "learned", learned, result.rows);
      add_row(common, "random", random, result.rows);
      if (&checkpoint == &checkpoints.front()) first = learned;
      last = learned;
      if (learned.accuracy <= best.accuracy) continue;
      best = learned;
      best_at = checkpoint.outer_step;
    }
    add_sentence(
        result.finding,
        fmt::format("{}: {} at outer step {}, at best {} at {}, {} at {}; random start "
                    "{:.3f}.",
                    name, plus_minus(first), checkpoints.front().outer_step, plus_minus(best),
                    best_at, plus_minus(last), checkpoints.back().outer_step, random.accuracy));
    add_levels(bench, name, checkpoints, options, result);
  }
  LineChart chart;
  chart.id = "meta-curves";
  chart.title = "Accuracy over meta-training on data sets that it never sees";
  chart.description = chart.title + ". " + result.finding;
  chart.x_title = "outer step";
  chart.y_title = "accuracy";
  chart.lines = lines_of(result.rows, {"outer_step"});
  result.figures = {line_figure(chart)};
  return result;
}

}  // namespace metaplastic
