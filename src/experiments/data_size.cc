// How many unlabelled examples the rule needs. The labelled draws stay the same.
#include <algorithm>

#include "base/error.h"
#include "base/random.h"
#include "base/sample.h"
#include "experiments/row_lines.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

// Stream of Purpose::kEvaluation, above those of eval/draws.cc.
constexpr std::uint64_t kSubset = std::uint64_t{8} << 32;

// Lets another method learn from a random part of the rows.
class LimitedMethod : public FeatureMethod {
 public:
  LimitedMethod(std::unique_ptr<FeatureMethod> inner, std::int64_t num_rows)
      : inner_(std::move(inner)), num_rows_(num_rows) {}
  std::string name() const override { return inner_->name(); }
  std::vector<FeatureCandidate> fit(const RowSource& rows, const MethodContext& context) override {
    Random random(context.seed, Purpose::kEvaluation, kSubset);
    const auto chosen = sorted_sample(random, rows.num_rows(), num_rows_);
    std::vector<float> values(chosen.size() * static_cast<std::size_t>(rows.num_features()));
    gather_rows(rows, chosen, values);
    return inner_->fit(*rows_of(std::move(values), rows.num_features()), context);
  }

 private:
  std::unique_ptr<FeatureMethod> inner_;
  std::int64_t num_rows_;
};

std::vector<std::int64_t> sizes_up_to(std::int64_t num_rows, bool quick) {
  std::vector<std::int64_t> sizes;
  for (const std::int64_t size : {100, 300, 1000, 3000, 10000, 30000, 60000}) {
    if (size < num_rows && (!quick || size <= 10000)) sizes.push_back(size);
  }
  sizes.push_back(num_rows);
  return sizes;
}

Measured learned_from(const Workbench& bench, const RuleCase& each, std::int64_t num_rows) {
  FitOptions fit;
  fit.layers = LayerChoice{};
  fit.training.model = usual_model();
  fit.training.inner_steps = bench.inner_steps(each.rule());
  return bench.measure(each.label(fmt::format("{} rows", num_rows)),
                       [&] {
                         return std::make_unique<LimitedMethod>(
                             learned_method(each.rule(), fit, Readout::kTop), num_rows);
                       },
                       {.seconds = bench.rule_seconds(each.rule(), usual_model())});
}

}  // namespace

ExperimentResult run_data_size(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.columns = {"dataset", "rows", "method", "accuracy", "stderr", "steps"};
  for (const ChosenData& chosen : image_data(options)) {
    const Workbench bench(options, chosen);
    const Measured random = bench.random("random start", usual_model());
    const auto sizes = sizes_up_to(bench.data().first_test_row, options.quick);
    for (const RuleCase& each : rule_cases(options)) {
      double least = 2, most = -1;
      for (const std::int64_t size : sizes) {
        const Measured learned = learned_from(bench, each, size);
        add_row({{"dataset", bench.name()}, {"rows", size}}, each.method, learned, result.rows);
        least = std::min(least, learned.accuracy);
        most = std::max(most, learned.accuracy);
      }
      add_sentence(result.finding,
                   fmt::format("{}, {}: from {:.3f} to {:.3f} over all sizes, random start {:.3f}.",
                               bench.name(), each.subject, least, most, random.accuracy));
    }
    // The random start sees no rows: one number, shown as a level.
    for (const std::int64_t size : sizes) {
      add_row({{"dataset", bench.name()}, {"rows", size}}, "random", random, result.rows);
    }
  }
  LineChart chart;
  chart.id = "data-size";
  chart.title = "Accuracy by number of unlabelled examples";
  chart.description = chart.title + ". " + result.finding;
  chart.x_title = "unlabelled examples";
  chart.y_title = "accuracy";
  chart.is_x_log = true;
  chart.lines = lines_of(result.rows, {.x = "rows", .rules = rule_methods(options)});
  result.figures = {line_figure(chart)};
  return result;
}

}  // namespace metaplastic
