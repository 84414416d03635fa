#include "baselines/patch_method.h"

#include <algorithm>
#include <utility>

#include "apply/training_rows.h"
#include "apply/window_rows.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "baselines/whitened_candidates.h"

namespace metaplastic {

PatchSetting patch_setting(int trial, const LayerChoice& choice, const ImageShape& image) {
  struct Variation {
    bool other_whitening;
    int units_factor, more_window, more_grid;
  };
  constexpr Variation kVariations[] = {{false, 1, 0, 0},  {true, 1, 0, 0},   {false, 2, 0, 0},
                                       {false, 1, 0, 1},  {false, 1, -2, 0}, {true, 2, 0, 0},
                                       {false, 2, -2, 1}, {false, 4, 0, 0}};
  const Variation& variation =
      kVariations[static_cast<std::size_t>(trial) % std::size(kVariations)];
  const bool is_signal = image.height == 1;
  std::vector<LayerSpec> specs = choice.spec;
  const auto is_conv = [](const LayerSpec& layer) { return layer.kind == LayerKind::kConv; };
  auto conv = std::ranges::find_if(specs, is_conv);
  if (conv == specs.end()) {
    specs = is_signal ? signal_layers(image) : image_layers(image);
    conv = std::ranges::find_if(specs, is_conv);
  }
  PatchSetting setting{*conv, {.kind = LayerKind::kPool, .height = 3, .width = 3}};
  if (is_signal) setting.pool = {.kind = LayerKind::kPool, .height = 1, .width = 4};
  if (conv + 1 != specs.end() && conv[1].kind == LayerKind::kPool) setting.pool = conv[1];
  setting.whitens_views = std::ranges::any_of(specs, [](const LayerSpec& layer) {
    return layer.kind == LayerKind::kDense && layer.whiten;
  });
  const int shortest = is_signal ? image.width : std::min(image.height, image.width);
  const auto side = [&](int size, int more) { return std::clamp(size + more, 2, shortest / 2); };
  setting.conv.units *= variation.units_factor;
  if (!is_signal) setting.conv.height = side(setting.conv.height, variation.more_window);
  setting.conv.width = side(setting.conv.width, variation.more_window);
  if (variation.other_whitening) setting.conv.whiten = !setting.conv.whiten;
  if (!setting.pool.by_size) {
    if (!is_signal) setting.pool.height += variation.more_grid;
    setting.pool.width += variation.more_grid;
  }
  return setting;
}

PatchRows patch_rows(const PatchSetting& setting, const RowSource& images,
                     const MethodContext& context) {
  PatchRows rows;
  rows.layers = empty_layers(std::vector<LayerSpec>{setting.conv, setting.pool}, context.image);
  rows.layers[0].window_offset = context.image.height == 1 ? kSignalWindowOffset : kWindowOffset;
  const std::shared_ptr<const RowSource> borrowed(std::shared_ptr<void>(), &images);
  rows.windows = std::make_shared<WindowRows>(borrowed, rows.layers[0]);
  if (!setting.conv.whiten) return rows;
  rows.whitening =
      std::make_shared<const WindowWhitening>(fit_window_whitening(*rows.windows, context.seed));
  rows.windows = std::make_shared<WhitenedRows>(rows.windows, rows.whitening);
  return rows;
}

FeatureCandidate filter_candidate(const PatchRows& rows, FoldedLayer filters) {
  auto encoder = std::make_shared<Encoder>();
  encoder->layers = rows.layers;
  static_cast<FoldedLayer&>(encoder->layers[0]) = std::move(filters);
  if (rows.layers[0].spec.sparse) make_sparse(encoder->layers[0]);
  if (rows.whitening) rows.whitening->fold_into(encoder->layers[0]);
  FeatureCandidate candidate;
  candidate.num_features = encoder->num_features();
  candidate.encode = [encoder](std::span<const float> images, std::int64_t num_rows,
                               std::span<float> out) {
    encode(*encoder, images, num_rows, 1, out);
  };
  return candidate;
}

std::vector<FeatureCandidate> train_filters(
    Network& network, int trunk, int trial, int num_steps, const PatchRows& rows,
    const MethodContext& context, const nlohmann::json& settings,
    const std::function<ObjectivePoint(int step)>& set_bars) {
  TrainedLayers layers;
  layers.architecture = {{rows.windows->num_features(), rows.layers[0].spec.units}, Unary::kRelu};
  layers.trunk = trunk;
  const TrainingOptions options = search_options(trial, num_steps, context);
  std::int64_t num_rows = 0;
  const std::vector<float> statistics =
      TrainingRows(*rows.windows, context.seed, 2, Purpose::kBaseline,
                   static_cast<std::uint32_t>(trial))
          .statistics_rows(num_rows);
  const Training training = train_network(network, layers, statistics, num_rows, options, set_bars);
  std::vector<FeatureCandidate> candidates;
  for (const NetworkState& state : training.states) {
    candidates.push_back(filter_candidate(rows, state.trunk.layers[0]));
    candidates.back().steps = state.trunk.record.inner_steps;
    candidates.back().settings = settings;
    candidates.back().settings["lr"] = options.lr;
  }
  return candidates;
}

PatchMethod::PatchMethod(std::string name, const FitOptions& options)
    : name_(std::move(name)), resize_(options.resize), layers_(options.layers) {}

std::shared_ptr<const RowSource> PatchMethod::own_rows(const Dataset& data) {
  image_ = {};
  const bool is_signal = data.kind == DataKind::kSignal;
  if (data.kind != DataKind::kImage && !(is_signal && takes_signals())) return nullptr;
  const LayerForm form = is_signal ? LayerForm::kSignals : LayerForm::kImages;
  const Preprocess preprocess = fit_preprocess(data, preprocess_options(data, resize_, {form, {}}));
  const ImageShape& shape = preprocess.output_image;
  if (is_signal ? shape.width < kMinSignalSteps
                : std::min(shape.height, shape.width) < kMinImageSide) {
    return nullptr;
  }
  image_ = shape;
  return prepare_rows(preprocess, data);
}

std::optional<std::string> PatchMethod::unsuited(const MethodContext&) const {
  if (image_.size() > 0) return {};
  const std::string images = fmt::format("needs images of {0} x {0} pixels or more", kMinImageSide);
  if (!takes_signals()) return images;
  return images + fmt::format(", or signals of {} steps or more", kMinSignalSteps);
}

std::vector<FeatureCandidate> PatchMethod::fit(const RowSource& images,
                                               const MethodContext& context) {
  if (images.num_rows() < 2) {
    fail("{}: expected at least 2 rows to learn from, found {}; use more data", name_,
         images.num_rows());
  }
  MethodContext own = context;
  own.image = image_;
  std::vector<std::vector<FeatureCandidate>> offered(static_cast<std::size_t>(context.num_tunings));
  std::vector<std::string> broken(offered.size());
  ThreadPool pool(std::min(context.num_threads, context.num_tunings));
  pool.parallel_for(context.num_tunings, [&](int, int trial) {
    if (context.should_stop && context.should_stop()) throw Stopped{};
    const auto n = static_cast<std::size_t>(trial);
    const PatchSetting setting = patch_setting(trial, layers_.value_or(LayerChoice{}), image_);
    try {
      offered[n] = learn(trial, patch_rows(setting, images, own), images, own);
      if (setting.whitens_views) offered[n] = with_whitened_views(offered[n], images, own, trial);
    } catch (const Error& error) {
      broken[n] = fmt::format("training {} is left out: {}", trial + 1, error.what());
    }
    for (FeatureCandidate& candidate : offered[n]) {
      candidate.settings["conv"] = layer_text(setting.conv);
      candidate.settings["pool"] = layer_text(setting.pool);
      candidate.settings["features"] = candidate.num_features;
      candidate.settings["tunings"] = context.num_tunings;
    }
  });
  notes_.clear();
  std::ranges::copy_if(broken, std::back_inserter(notes_),
                       [](const std::string& line) { return !line.empty(); });
  std::vector<FeatureCandidate> candidates;
  for (auto& list : offered) std::ranges::move(list, std::back_inserter(candidates));
  if (candidates.empty()) fail("{}: expected a training that works; {}", name_, notes_.front());
  return candidates;
}

}  // namespace metaplastic
