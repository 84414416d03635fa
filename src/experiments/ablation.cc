// What each part of the rule is worth: one part of theta set to 0 at a time, nothing learned anew.
// So it measures what the rule makes use of, not what a rule without that part could have become.
#include <algorithm>

#include "experiments/lesion.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

Figure part_figure(const ExperimentResult& result, const Workbench& bench, const std::string& part,
                   const Measured& whole) {
  const std::string& dataset = bench.name();
  BarChart chart;
  chart.id = fmt::format("ablation-{}-{}", part, bench.slug());
  chart.title = part == "term"
                    ? fmt::format("{}: without one term of the weight step", dataset)
                    : fmt::format("{}: without one input of the update network", dataset);
  chart.description =
      fmt::format("{}. The tick is the whole rule, {}.", chart.title, plus_minus(whole));
  chart.x_title = "accuracy (blue: lower by more than both standard errors)";
  chart.mark_name = "the whole rule";
  for (const nlohmann::json& row : result.rows) {
    if (row["dataset"] != dataset || row["part"] != part) continue;
    const double accuracy = row["accuracy"], error = row["stderr"];
    chart.bars.push_back({row["removed"], accuracy, error,
                          accuracy + error < whole.accuracy - whole.error, whole.accuracy});
  }
  return bar_figure(chart);
}

}  // namespace

ExperimentResult run_ablation(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.settings["removed_by"] = "zeros in theta, at application";
  result.columns = {"dataset", "part", "removed", "accuracy", "stderr", "change"};
  const Rule& rule = options.rule.rule;
  for (const std::string& spec : image_data(options)) {
    const Workbench bench(options, spec);
    const Measured whole = bench.learned("whole rule", rule, usual_model());
    const auto add = [&](const std::string& part, const std::string& removed, const Measured& m) {
      nlohmann::json row = {{"dataset", bench.name()},
                            {"part", part},
                            {"removed", removed},
                            {"change", m.accuracy - whole.accuracy}};
      put(row, m);
      result.rows.push_back(std::move(row));
    };
    add("none", "nothing", whole);
    add("all", "every inner step", bench.random("random start", usual_model()));
    std::string worst;
    double lowest = whole.accuracy;
    for (const Lesion& lesion : lesions_of(rule.sizes)) {
      const Measured without =
          bench.learned("without " + lesion.name, lesioned(rule, lesion), usual_model());
      add(lesion.part, lesion.name, without);
      if (without.accuracy < lowest) {
        lowest = without.accuracy;
        worst = lesion.name;
      }
    }
    result.figures.push_back(part_figure(result, bench, "term", whole));
    result.figures.push_back(part_figure(result, bench, "input", whole));
    result.finding +=
        fmt::format("{}{}: whole rule {}; {}.", result.finding.empty() ? "" : " ", bench.name(),
                    plus_minus(whole),
                    worst.empty() ? std::string("no removal lowers it")
                                  : fmt::format("lowest without {}, {:.3f}", worst, lowest));
  }
  return result;
}

}  // namespace metaplastic
