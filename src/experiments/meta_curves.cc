// Held-out accuracy over meta-training.                              [paper: section 5.2, figure 3]
#include "base/error.h"
#include "experiments/checkpoints.h"
#include "experiments/row_lines.h"
#include "experiments/workbench.h"

namespace metaplastic {

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
  for (const std::string& spec : image_data(options)) {
    const Workbench bench(options, spec);
    const Measured random = bench.random("random start", usual_model());
    Measured first, last;
    for (const RuleCheckpoint& checkpoint : checkpoints) {
      const Measured learned = bench.learned(fmt::format("outer step {}", checkpoint.outer_step),
                                             checkpoint.rule, usual_model());
      add_learned_and_random({{"dataset", bench.name()}, {"outer_step", checkpoint.outer_step}},
                             learned, random, result.rows);
      if (&checkpoint == &checkpoints.front()) first = learned;
      last = learned;
    }
    result.finding += fmt::format("{}{}: {} at outer step {}, {} at {}; random start {:.3f}.",
                                  result.finding.empty() ? "" : " ", bench.name(),
                                  plus_minus(first), checkpoints.front().outer_step,
                                  plus_minus(last), checkpoints.back().outer_step, random.accuracy);
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
