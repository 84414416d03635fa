#include "apply/layer_choice.h"

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"

namespace metaplastic {
namespace {

bool sees_places(const LayerChoice& layers) {
  return layers.form == LayerForm::kImages || layers.form == LayerForm::kSignals ||
         std::ranges::any_of(
             layers.spec, [](const LayerSpec& layer) { return layer.kind != LayerKind::kDense; });
}

// Steps of prepared signals: samples, or frames of sounds.
int num_steps(const Dataset& data) {
  if (!data.sound || !data.sound->is_log_mel.value_or(true)) return data.image.width;
  const LogMel log_mel = log_mel_of(data.sound->rate, data.sound->bands.value_or(kDefaultBands));
  return log_mel_shape(log_mel, data.image, data.name).width;
}

void check_places(const LayerChoice& layers, const Preprocess& preprocess) {
  const DataKind kind = preprocess.kind;
  const bool has_places = kind == DataKind::kImage || kind == DataKind::kSignal;
  if (!has_places) {
    fail(
        "layers: expected images or signals for layers that see places, found {} data; use "
        "--layers mlp",
        kind_name(kind));
  }
  if (layers.form == LayerForm::kImages && kind != DataKind::kImage) {
    fail("layers: expected images for --layers images, found signals; use --layers signals");
  }
  if (layers.form == LayerForm::kSignals && kind != DataKind::kSignal) {
    fail(
        "layers: expected signals for --layers signals, found images; use --layers images, or read "
        "them as signals (signal=yes in a SPEC, kind=\"signal\" in Python)");
  }
  if (preprocess.permutation_seed) {
    fail("layers: expected {} in their places, found shuffled ones; use --layers mlp",
         kind == DataKind::kImage ? "pixels" : "values");
  }
}

}  // namespace

std::vector<LayerSpec> image_layers(const ImageShape& image) {
  const int side = std::min(image.height, image.width);
  if (side < kMinImageSide) {
    fail("layers: expected images of {0} x {0} pixels or more, found {1} x {2}; use --layers mlp",
         kMinImageSide, image.height, image.width);
  }
  if (side < 16) return parse_layers("conv 128 3x3, pool 3x3");
  // Chosen on held-out training images of CIFAR-10 (docs/layers.md).
  if (image.channels == 3) {
    return parse_layers("conv 512 6x6 whiten sparse, pool 3x3, dense 512 whiten");
  }
  return parse_layers("conv 128 7x7, pool 3x3");
}

// Of samples and of log-mel frames alike; not tuned.
std::vector<LayerSpec> signal_layers(const ImageShape& signal) {
  if (signal.width < kMinSignalSteps) {
    fail("layers: expected signals of {} steps or more, found {}; use --layers mlp",
         kMinSignalSteps, signal.width);
  }
  return parse_layers("conv 128 9, pool 4");
}

LayerChoice parse_layer_choice(std::string_view text) {
  if (text == "mlp") return {LayerForm::kMlp, {}};
  if (text == "images") return {LayerForm::kImages, {}};
  if (text == "signals") return {LayerForm::kSignals, {}};
  if (text.find(' ') != std::string_view::npos) return {LayerForm::kSpec, parse_layers(text)};
  const std::vector<std::string> names = {"mlp", "images", "signals"};
  fail(
      "layers: expected mlp, images, signals or layers such as 'conv 128 7x7, pool 3x3, dense "
      "128', found "
      "'{}'{}",
      text, did_you_mean(text, names));
}

LayerChoice default_layer_choice(const Dataset& data, const RuleSizes& sizes) {
  LayerChoice choice;
  const bool is_large = data.kind == DataKind::kImage &&
                        std::min(data.image.height, data.image.width) >= kMinImageSide;
  const bool is_long = data.kind == DataKind::kSignal && num_steps(data) >= kMinSignalSteps;
  if (is_large && !sizes.is_metz2019()) choice.form = LayerForm::kImages;
  if (is_long && !sizes.is_metz2019()) choice.form = LayerForm::kSignals;
  return choice;
}

PreprocessOptions preprocess_options(const Dataset& data, const ResizeChoice& resize,
                                     const LayerChoice& layers) {
  PreprocessOptions options;
  const int side = sees_places(layers) ? kMaxKeptSide : kDefaultSide;
  const bool is_large =
      data.kind == DataKind::kImage && std::max(data.image.height, data.image.width) > side;
  options.resize = resize.side.value_or(is_large ? side : 0);
  options.resize_method = resize.method;
  if (resize.method != ResizeMethod::kArea && options.resize == 0) {
    fail(
        "resize method: expected images that are resized, found {} whose size is kept; leave "
        "--resize-method out, or give --resize",
        data.kind == DataKind::kImage ? "images" : kind_name(data.kind));
  }
  return options;
}

std::vector<LayerSpec> chosen_layers(const LayerChoice& layers, const Preprocess& preprocess,
                                     const BaseModel& model) {
  std::vector<LayerSpec> specs = layers.spec;
  if (sees_places(layers)) {
    check_places(layers, preprocess);
    if (layers.form == LayerForm::kImages) specs = image_layers(preprocess.output_image);
    if (layers.form == LayerForm::kSignals) specs = signal_layers(preprocess.output_image);
  }
  if (layers.form == LayerForm::kSpec) return specs;
  for (const int width : model.hidden) specs.push_back({.units = width});
  specs.push_back({.units = model.features});
  return specs;
}

}  // namespace metaplastic
