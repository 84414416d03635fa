#include "apply/layer_choice.h"

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"

namespace metaplastic {
namespace {

constexpr int kMinImageSide = 8;

bool sees_places(const LayerChoice& layers) {
  return layers.form == LayerForm::kImages ||
         std::ranges::any_of(
             layers.spec, [](const LayerSpec& layer) { return layer.kind != LayerKind::kDense; });
}

std::vector<LayerSpec> conv_part(const ImageShape& image) {
  const int side = std::min(image.height, image.width);
  if (side < kMinImageSide) {
    fail("layers: expected images of {0} x {0} pixels or more, found {1} x {2}; use --layers mlp",
         kMinImageSide, image.height, image.width);
  }
  return parse_layers(side >= 16 ? "conv 128 7x7, pool 3x3" : "conv 128 3x3, pool 3x3");
}

}  // namespace

LayerChoice parse_layer_choice(std::string_view text) {
  if (text == "mlp") return {LayerForm::kMlp, {}};
  if (text == "images") return {LayerForm::kImages, {}};
  if (text.find(' ') != std::string_view::npos) return {LayerForm::kSpec, parse_layers(text)};
  const std::vector<std::string> names = {"mlp", "images"};
  fail(
      "layers: expected mlp, images or layers such as 'conv 128 7x7, pool 3x3, dense 128', found "
      "'{}'{}",
      text, did_you_mean(text, names));
}

LayerChoice default_layer_choice(const Dataset& data, const RuleSizes& sizes) {
  LayerChoice choice;
  const bool is_large = data.kind == DataKind::kImage &&
                        std::min(data.image.height, data.image.width) >= kMinImageSide;
  if (is_large && !sizes.is_metz2019()) choice.form = LayerForm::kImages;
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
    if (preprocess.kind != DataKind::kImage) {
      fail("layers: expected images for layers that see places, found {} data; use --layers mlp",
           kind_name(preprocess.kind));
    }
    if (preprocess.permutation_seed) {
      fail("layers: expected pixels in their places, found shuffled ones; use --layers mlp");
    }
    if (layers.form == LayerForm::kImages) specs = conv_part(preprocess.output_image);
  }
  if (layers.form == LayerForm::kSpec) return specs;
  for (const int width : model.hidden) specs.push_back({.units = width});
  specs.push_back({.units = model.features});
  return specs;
}

}  // namespace metaplastic
