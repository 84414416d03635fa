// First-layer receptive fields.                                      [paper: section 5.4, figure 6]
#include "chart/filters.h"

#include <cmath>

#include "base/error.h"
#include "experiments/checkpoints.h"
#include "experiments/row_lines.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

constexpr int kColumns = 8, kZoom = 6;

// A sixteenth, a quarter and all of the inner steps, after the start.
std::vector<int> stops(int inner_steps) {
  std::vector<int> result = {0};
  for (const int part : {16, 4, 1}) {
    const int stop = std::max(1, inner_steps / part);
    if (stop > result.back()) result.push_back(stop);
  }
  return result;
}

ThemedPicture picture_of(const Filters& filters, const std::string& id, const std::string& title) {
  return {id, title,
          fmt::format("{}: {} filters, {} in a row; neighbouring weights correlate by {:.2f}.",
                      title, filters.tiles.size(), kColumns, smoothness(filters)),
          filters_png(filters, kColumns, Theme::kLight, kZoom),
          filters_png(filters, kColumns, Theme::kDark, kZoom)};
}

// The column "accuracy" of a row is what lines_of() draws; here smoothness stands in its place.
Figure smoothness_figure(const std::vector<nlohmann::json>& rows, const std::string& x,
                         const std::string& title, const std::string& x_title) {
  LineChart chart;
  chart.id = "filters-" + x;
  std::ranges::replace(chart.id, '_', '-');
  chart.title = title;
  chart.description =
      title + ": the mean correlation of neighbouring weights; noise gives 0, smooth shapes more.";
  chart.x_title = x_title;
  chart.y_title = "correlation of neighbours";
  for (const nlohmann::json& row : rows) {
    if (row.value("varied", "") != x) continue;
    std::string name = row["dataset"];
    if (row.contains("rule")) name += ", " + row["rule"].get<std::string>();
    if (chart.lines.empty() || chart.lines.back().name != name) {
      chart.lines.push_back({name, {}, LineStyle::kBold, true});
    }
    const nlohmann::json& value = row["smoothness"];
    chart.lines.back().points.push_back(
        {row[x].get<double>(), value.is_number() ? value.get<double>() : kNoValue});
  }
  return line_figure(chart);
}

std::vector<Figure> smoothness_figures(const std::vector<nlohmann::json>& rows,
                                       bool has_checkpoints) {
  std::vector<Figure> figures = {smoothness_figure(
      rows, "inner_step", "Smoothness of the filters over inner steps", "inner step")};
  if (has_checkpoints) {
    figures.push_back(smoothness_figure(rows, "outer_step",
                                        "Smoothness of the filters over meta-training",
                                        "outer step of the rule"));
  }
  return figures;
}

}  // namespace

ExperimentResult run_filters(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.columns = {"dataset", "rule", "varied", "outer_step", "inner_step", "smoothness"};
  const std::vector<RuleCheckpoint> checkpoints =
      options.run.empty() ? std::vector<RuleCheckpoint>()
                          : load_checkpoint_rules(options.run, options.quick ? 4 : 8);
  if (checkpoints.empty()) {
    result.notes.emplace_back(
        "no --run DIR: filters over inner steps only, not over meta-training");
  }
  for (const ChosenData& chosen : image_data(options)) {
    const Workbench bench(options, chosen);
    if (bench.data().kind != DataKind::kImage) {
      fail("filters: expected images, found a {}; give --data with images",
           kind_name(bench.data().kind));
    }
    const auto look = [&](const Encoder& encoder, nlohmann::json row, const std::string& title) {
      const Filters filters =
          encoder.record.inner_steps == 0 ? untrained_filters(encoder) : trained_filters(encoder);
      row["dataset"] = bench.name();
      row["inner_step"] = encoder.record.inner_steps;
      row["smoothness"] = smoothness(filters);
      result.pictures.push_back(picture_of(
          filters, fmt::format("filters-{}-{}", bench.slug(), result.pictures.size() + 1),
          fmt::format("{}, {}", bench.name(), title)));
      result.rows.push_back(std::move(row));
    };
    for (const RuleCase& each : rule_cases(options)) {
      const std::vector<Encoder> encoders = bench.apply(each.method, each.rule(), usual_model(),
                                                        stops(bench.inner_steps(each.rule())));
      if (encoders.empty()) continue;  // only counts
      for (const Encoder& encoder : encoders) {
        look(encoder, {{"varied", "inner_step"}, {"rule", each.found->name}},
             each.label(fmt::format("after {} inner steps", encoder.record.inner_steps)));
      }
      const double before = result.rows[result.rows.size() - encoders.size()]["smoothness"];
      const double after = result.rows.back()["smoothness"];
      add_sentence(result.finding,
                   fmt::format("{}, {}: neighbouring weights correlate by {:.2f} at the random "
                               "start and {:.2f} after {} inner steps.",
                               bench.name(), each.subject, before, after,
                               encoders.back().record.inner_steps));
    }
    for (const RuleCheckpoint& checkpoint : checkpoints) {
      const std::string title = fmt::format("rule of outer step {}", checkpoint.outer_step);
      // For as many steps as meta-training judges it at: --steps is for the given rules.
      const int steps = checkpoint.rule.inner.inner_steps;
      for (const Encoder& encoder : bench.apply(title, checkpoint.rule, usual_model(), {}, steps)) {
        look(encoder, {{"varied", "outer_step"}, {"outer_step", checkpoint.outer_step}}, title);
      }
    }
  }
  result.figures = smoothness_figures(result.rows, !checkpoints.empty());
  return result;
}

}  // namespace metaplastic
