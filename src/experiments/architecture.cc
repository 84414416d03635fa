// Widths and depths beyond those of meta-training.                 [paper: section 5.3, figure 5]
#include "experiments/row_lines.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

constexpr int kFeatures = 32, kDepthWidth = 64;

struct Shape {
  const char* sweep;
  int size;
  std::vector<int> hidden;
};

// Width: one hidden layer of that many units. Depth: all layers counted, the top one has 32 units.
std::vector<Shape> shapes(bool quick) {
  const std::vector<int> widths =
      quick ? std::vector<int>{16, 64, 256, 512} : std::vector<int>{16, 64, 256, 1000, 3000, 10000};
  const std::vector<int> depths = quick ? std::vector<int>{1, 2, 4, 7, 11}
                                        : std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  std::vector<Shape> result;
  for (const int width : widths) result.push_back({"width", width, {width}});
  for (const int depth : depths) {
    result.push_back(
        {"depth", depth, std::vector<int>(static_cast<std::size_t>(depth - 1), kDepthWidth)});
  }
  return result;
}

Figure sweep_figure(const ExperimentResult& result, const std::string& sweep,
                    const std::vector<std::string>& rules) {
  LineChart chart;
  chart.id = "architecture-" + sweep;
  chart.title =
      sweep == "width" ? "Accuracy by width of the hidden layer" : "Accuracy by number of layers";
  chart.description = chart.title + ", of the rule and of the same network at its random start.";
  chart.x_title = sweep == "width" ? "units in the hidden layer" : "layers";
  chart.y_title = "accuracy";
  chart.is_x_log = sweep == "width";
  chart.lines = lines_of(result.rows, {"size", {"dataset", "method"}, "sweep", sweep, rules});
  return line_figure(chart);
}

}  // namespace

ExperimentResult run_architecture(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.settings["depth_width"] = kDepthWidth;
  result.columns = {"dataset", "sweep", "size", "method", "accuracy", "stderr", "steps"};
  const std::vector<RuleCase> cases = rule_cases(options);
  Tally tally(cases);
  for (const ChosenData& chosen : image_data(options)) {
    const Workbench bench(options, chosen);
    for (const Shape& shape : shapes(options.quick)) {
      BaseModel model = usual_model();
      model.hidden = shape.hidden;
      model.features = kFeatures;
      const std::string label = fmt::format("{} {}", shape.sweep, shape.size);
      const nlohmann::json common = {
          {"dataset", bench.name()}, {"sweep", shape.sweep}, {"size", shape.size}};
      const Measured random = bench.random(label, model);
      for (const RuleCase& each : cases) {
        const Measured learned = bench.learned(each.label(label), each.rule(), model);
        add_row(common, each.method, learned, result.rows);
        tally.add(each, learned, random);
      }
      add_row(common, "random", random, result.rows);
    }
  }
  result.finding = tally.text("architectures");
  for (const char* sweep : {"width", "depth"}) {
    result.figures.push_back(sweep_figure(result, sweep, rule_methods(options)));
  }
  return result;
}

}  // namespace metaplastic
