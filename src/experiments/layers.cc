// What each kind of layer brings on images.                             [not in the paper]
#include "base/error.h"
#include "chart/filters.h"
#include "experiments/workbench.h"

namespace metaplastic {
namespace {

// A stack, and the layer that is read.
struct Part {
  std::string name, layers;
  ReadLayers read;
};

std::vector<Part> parts_for(const ImageShape& image) {
  const std::vector<LayerSpec> conv = image_layers(image);
  const std::string usual = layers_text(conv);
  std::vector<LayerSpec> other = conv;
  other[0].whiten = !other[0].whiten;
  std::vector<Part> parts = {
      {"dense", "dense 128, dense 128, dense 128", kEveryLayer},
      {"conv", usual, 1},
      {other[0].whiten ? "conv, whitened" : "conv, as it is", layers_text(other), 1},
      {"conv + dense", usual + ", dense 128, dense 128, dense 128", kEveryLayer}};
  if (std::min(image.height, image.width) >= 16) {
    parts.push_back({"conv + conv + dense",
                     "conv 64 5x5, pool size 2x2, conv 128 3x3, pool 3x3, dense 128, dense 128, "
                     "dense 128",
                     kEveryLayer});
  }
  return parts;
}

constexpr int kFilterColumns = 16, kFilterZoom = 8;

// The filters of a first conv layer that learned from this data.
void add_filters(const Workbench& bench, const RuleCase& each, const ExperimentOptions& options,
                 const FitOptions& fit, ExperimentResult& result) {
  if (bench.only_counts()) return;
  FitOptions own = fit;
  own.training.seed = options.seed;
  own.training.should_stop = options.should_stop;
  const Applied applied = fit_encoder(*each.found, bench.data(), own);
  const Filters filters = trained_filters(applied.last());
  const std::string layer = layer_text(applied.last().layers.front().spec);
  const std::string title = each.label(fmt::format("{}: {}", bench.name(), layer));
  result.pictures.push_back({fmt::format("layers-{}-{}", bench.slug(), result.pictures.size() + 1),
                             title,
                             fmt::format("{} filters of the layer '{}' that learned from {}.",
                                         filters.tiles.size(), layer, bench.name()),
                             filters_png(filters, kFilterColumns, Theme::kLight, kFilterZoom),
                             filters_png(filters, kFilterColumns, Theme::kDark, kFilterZoom)});
}

}  // namespace

ExperimentResult run_layers(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.settings["readout"] = "conv alone: the pooled conv layer; else chosen on validation draws";
  result.columns = {"dataset", "part", "method", "accuracy", "stderr", "layers", "steps"};
  for (const ChosenData& chosen : image_data(options)) {
    const Workbench bench(options, chosen);
    if (bench.data().kind != DataKind::kImage) {
      fail("layers: expected images, found a {}; give --data with images",
           kind_name(bench.data().kind));
    }
    const ImageShape shape =
        fit_preprocess(bench.data(), preprocess_options(bench.data(), {}, {LayerForm::kImages, {}}))
            .output_image;
    GroupedBarChart chart;
    chart.id = "layers-" + bench.slug();
    chart.title = "Accuracy by layers: " + bench.name();
    chart.description = chart.title + ", of the rule and of the same layers at their random start.";
    chart.y_title = "accuracy";
    std::optional<double> dense, best;
    for (const Part& part : parts_for(shape)) {
      const auto add = [&](const std::string& method, const Measured& measured) {
        add_row({{"dataset", bench.name()}, {"part", part.name}, {"layers", part.layers}}, method,
                measured, result.rows);
        chart.bars.push_back({part.name, method, measured.accuracy, measured.error});
      };
      FitOptions fit;
      fit.layers = parse_layer_choice(part.layers);
      for (const RuleCase& each : rule_cases(options)) {
        fit.training.inner_steps = bench.inner_steps(each.rule());
        const Measured learned = bench.measure(each.label(part.name + ", learned"), [&] {
          return learned_method(each.rule(), fit, part.read);
        });
        add(each.method, learned);
        if (part.read == 1) add_filters(bench, each, options, fit, result);
        if (part.name == "dense") dense = std::max(dense.value_or(0), learned.accuracy);
        best = std::max(best.value_or(0), learned.accuracy);
      }
      add("random", bench.measure(part.name + ", random", [&] {
        return random_method(options.rules.front().rule, fit, part.read);
      }));
    }
    result.figures.push_back(grouped_bar_figure(chart));
    add_sentence(result.finding,
                 fmt::format("{}: {:.3f} with dense layers alone, {:.3f} with the best stack.",
                             bench.name(), *dense, *best));
  }
  return result;
}

}  // namespace metaplastic
