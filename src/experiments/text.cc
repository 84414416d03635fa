// From images to words.                                              [paper: section 5.3, figure 4]
#include "base/error.h"
#include "baselines/raw.h"
#include "experiments/checkpoints.h"
#include "experiments/package_texts.h"
#include "experiments/row_lines.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

constexpr const char* kPackages = "/var/lib/dpkg/status";

std::vector<std::string> text_data(const ExperimentOptions& options, ExperimentResult& result) {
  if (!options.data.empty()) return options.data;
  const std::string tsv = options.out + "/package-texts.tsv";
  write_package_texts(kPackages, tsv);
  result.notes.push_back(
      fmt::format("text: descriptions of the Debian packages of this machine, classes are their "
                  "sections; kept in {}",
                  "package-texts.tsv"));
  return {"text:" + tsv};
}

void add_row(const std::string& dataset, const std::string& method, const Measured& measured,
             const nlohmann::json& outer_step, ExperimentResult& result) {
  nlohmann::json row = {{"dataset", dataset}, {"method", method}, {"steps", measured.steps}};
  row["outer_step"] = outer_step;
  put(row, measured);
  result.rows.push_back(std::move(row));
}

// The given rule beside a random start and the words themselves, then the checkpoints.
void measure_text(const ExperimentOptions& options, const Workbench& bench, const std::string& name,
                  const std::vector<RuleCheckpoint>& checkpoints, ExperimentResult& result) {
  BarChart bars;
  bars.id = "text-methods";
  bars.title = name + ": accuracy by method";
  bars.x_title = "accuracy";
  const Measured random = bench.random("random start", usual_model());
  const Measured raw = bench.measure("raw", [] { return raw_method(); });
  const Measured learned = bench.learned("rule", options.rule.rule, usual_model());
  for (const auto& [method, measured] :
       {std::pair{"learned", &learned}, std::pair{"random", &random}, std::pair{"raw", &raw}}) {
    add_row(name, method, *measured, nullptr, result);
    bars.bars.push_back({method, measured->accuracy, measured->error,
                         std::string(method) == "learned", std::nullopt});
  }
  result.finding += fmt::format("{}{}, {} classes: rule {}, random start {}, raw words {}.",
                                result.finding.empty() ? "" : " ", name, bench.data().num_classes(),
                                plus_minus(learned), plus_minus(random), plus_minus(raw));
  bars.description = bars.title + ". " + result.finding;
  result.figures.push_back(bar_figure(bars));
  for (const RuleCheckpoint& checkpoint : checkpoints) {
    const std::string label = fmt::format("outer step {}", checkpoint.outer_step);
    add_row(name, "learned", bench.learned(label, checkpoint.rule, usual_model()),
            checkpoint.outer_step, result);
    add_row(name, "random", random, checkpoint.outer_step, result);
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
  for (const std::string& spec : text_data(options, result)) {
    const Workbench bench(options, spec);
    if (bench.data().kind != DataKind::kText) {
      fail("text: expected text, found a {}; give --data text:FILE.tsv or text:FOLDER",
           kind_name(bench.data().kind));
    }
    const std::string name = options.data.empty() ? "package descriptions" : bench.name();
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
