// What each part of the rule is worth: one part of theta set to 0 at a time, nothing learned anew.
// So it measures what the rule makes use of, not what a rule without that part could have become.
#include <algorithm>

#include "experiments/lesion.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

Figure part_figure(const ExperimentResult& result, const Workbench& bench, const RuleCase& each,
                   const std::string& part, const Measured& whole) {
  const std::string dataset = each.label(bench.name());
  BarChart chart;
  chart.id = fmt::format("ablation-{}-{}{}", part, bench.slug(), each.suffix);
  chart.title = part == "term"
                    ? fmt::format("{}: without one term of the weight step", dataset)
                    : fmt::format("{}: without one input of the update network", dataset);
  chart.description =
      fmt::format("{}. The tick is the whole rule, {}.", chart.title, plus_minus(whole));
  chart.x_title = "accuracy (blue: lower by more than both standard errors)";
  chart.mark_name = "the whole rule";
  for (const nlohmann::json& row : result.rows) {
    if (row["dataset"] != bench.name() || row["rule"] != each.found->name) continue;
    if (row["part"] != part) continue;
    const double accuracy = row["accuracy"], error = row["stderr"];
    chart.bars.push_back({row["removed"], accuracy, error,
                          accuracy + error < whole.accuracy - whole.error, whole.accuracy});
  }
  return bar_figure(chart);
}

void ablate(const Workbench& bench, const RuleCase& each, ExperimentResult& result) {
  const Measured whole = bench.learned(each.label("whole rule"), each.rule(), usual_model());
  const auto add = [&](const std::string& part, const std::string& removed, const Measured& m) {
    nlohmann::json row = {{"dataset", bench.name()},
                          {"rule", each.found->name},
                          {"part", part},
                          {"removed", removed},
                          {"change", m.accuracy - whole.accuracy}};
    put(row, m);
    result.rows.push_back(std::move(row));
  };
  add("none", "nothing", whole);
  add("all", "every inner step", bench.random(each.label("random start"), usual_model()));
  std::string worst;
  double lowest = whole.accuracy;
  for (const Lesion& lesion : lesions_of(each.rule().sizes)) {
    const Measured without = bench.learned(each.label("without " + lesion.name),
                                           lesioned(each.rule(), lesion), usual_model());
    add(lesion.part, lesion.name, without);
    if (without.accuracy < lowest) {
      lowest = without.accuracy;
      worst = lesion.name;
    }
  }
  result.figures.push_back(part_figure(result, bench, each, "term", whole));
  result.figures.push_back(part_figure(result, bench, each, "input", whole));
  add_sentence(
      result.finding,
      fmt::format("{}, {}: whole rule {}; {}.", bench.name(), each.subject, plus_minus(whole),
                  worst.empty() ? std::string("no removal lowers it")
                                : fmt::format("lowest without {}, {:.3f}", worst, lowest)));
}

}  // namespace

ExperimentResult run_ablation(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.settings["removed_by"] = "zeros in theta, at application";
  result.columns = {"dataset", "rule", "part", "removed", "accuracy", "stderr", "change"};
  for (const ChosenData& chosen : image_data(options)) {
    const Workbench bench(options, chosen);
    for (const RuleCase& each : rule_cases(options)) ablate(bench, each, result);
  }
  return result;
}

}  // namespace metaplastic
