#include "meta/conv_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "model/layer_spec.h"

namespace metaplastic {
namespace {

// Windows of an example, at most: bounds memory and time of the meta-objective.
constexpr int kMostPlaces = 144;
constexpr float kImageOffset = 0.01f, kSignalOffset = 0.1f;  // as when a rule is applied

int units_of(Random& random, int low, int high) {
  const float drawn = random.log_uniform(static_cast<float>(low), static_cast<float>(high) + 1);
  return std::clamp(static_cast<int>(drawn), low, high);
}

TaskWindows windows_on(const ImageShape& shape) {
  TaskWindows windows;
  windows.shape = shape;
  windows.offset = shape.height == 1 ? kSignalOffset : kImageOffset;
  return windows;
}

// The layer as the base model, or below it.
void use_conv(const TaskWindows& windows, int units, bool stacked, Task& task,
              TrajectorySettings& settings) {
  task.see_windows(windows);
  const Architecture conv{{windows.size(), units}, settings.architecture.activation};
  if (stacked) {
    settings.below = conv;
    settings.architecture.widths.front() = units * windows.cells_down * windows.cells_across;
  } else {
    settings.architecture = conv;
  }
}

std::vector<LayerSpec> conv_and_pool(const std::string& text) {
  std::vector<LayerSpec> layers = parse_layers(text);
  const bool fits = layers.size() == 2 && layers[0].kind == LayerKind::kConv &&
                    layers[0].padding == 0 && layers[1].kind == LayerKind::kPool &&
                    !layers[1].by_size && layers[1].pool == PoolKind::kRoot;
  if (fits) return layers;
  fail(
      "config: expected a conv layer and a pool in validation.conv, such as \"conv 64 5x5, pool "
      "3x3\", found {}",
      quote_text(text));
}

}  // namespace

void draw_conv_model(const MetaConfig& config, std::uint64_t seed, std::uint64_t task_index,
                     Task& task, TrajectorySettings& settings) {
  const InnerConfig& inner = config.inner;
  const ImageShape shape = task.shape();
  if (inner.conv_share == 0 || shape.size() == 0) return;
  Random random(seed, Purpose::kWindows, task_index);
  if (random.uniform() >= inner.conv_share) return;
  TaskWindows windows = windows_on(shape);
  const int side = random.between(inner.min_window, inner.max_window);
  const int cells = random.between(1, inner.max_cells);
  const int units = units_of(random, inner.min_features, inner.max_features);
  if (shape.height == 1) {
    windows.width = std::min(2 * side - 1, shape.width / 2);
    windows.cells_across = cells;
  } else {
    windows.height = std::min(side, (shape.height + 1) / 2);
    windows.width = std::min(side, (shape.width + 1) / 2);
    windows.cells_down = windows.cells_across = cells;
  }
  while (windows.places() > kMostPlaces) ++windows.stride;
  windows.cells_down = std::min(windows.cells_down, windows.down());
  windows.cells_across = std::min(windows.cells_across, windows.across());
  const bool stacked = inner.stack_share > 0 && random.uniform() < inner.stack_share;
  use_conv(windows, units, stacked, task, settings);
}

void use_conv_model(const ValidationConfig& config, std::size_t turn, bool stacked, Task& task,
                    TrajectorySettings& settings) {
  const ImageShape shape = task.shape();
  if (shape.size() == 0) return;
  std::vector<std::vector<LayerSpec>> models;
  for (const std::string& text : config.conv) {
    std::vector<LayerSpec> layers = conv_and_pool(text);
    if (layers[0].is_line == (shape.height == 1)) models.push_back(std::move(layers));
  }
  if (models.empty()) return;
  const std::vector<LayerSpec>& layers = models[turn % models.size()];
  const std::vector<ImageShape> shapes = layer_shapes(layers, shape);
  TaskWindows windows = windows_on(shape);
  windows.height = layers[0].height;
  windows.width = layers[0].width;
  windows.stride = layers[0].stride;
  windows.cells_down = shapes.back().height;
  windows.cells_across = shapes.back().width;
  use_conv(windows, layers[0].units, stacked, task, settings);
}

void check_conv_models(const MetaConfig& config) {
  for (const std::string& text : config.validation.conv) {
    config.rule.require_top_units(conv_and_pool(text)[0].units, "validation.conv");
  }
}

}  // namespace metaplastic
