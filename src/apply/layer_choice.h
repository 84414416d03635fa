// What `--layers` may say, and the layers that follow from it and from the data. docs/layers.md.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "apply/apply.h"
#include "data/preprocess.h"
#include "model/layer_spec.h"

namespace metaplastic {

// Without places, images above this side shrink to it: the size of the meta-training tasks.
inline constexpr int kDefaultSide = 14;

// With them, images above this side do.
inline constexpr int kMaxKeptSide = 32;

// Images with a smaller side are no places to look at.
inline constexpr int kMinImageSide = 8;
// Nor are shorter signals.
inline constexpr int kMinSignalSteps = 16;

// mlp: dense layers alone. images, signals: conv layers chosen by the size of the images or
// signals, then the dense ones. All take the dense layers from BaseModel. spec: all layers.
enum class LayerForm { kMlp, kImages, kSignals, kSpec };
struct LayerChoice {
  LayerForm form = LayerForm::kMlp;
  std::vector<LayerSpec> spec;
};

// Throws Error for anything but mlp, images, signals or a SPEC.
LayerChoice parse_layer_choice(std::string_view text);

// What is chosen where the user chose nothing: images for rows that are images of 8 x 8 and more,
// signals for signals of 16 steps and more, for a rule of any width; mlp for all else.
LayerChoice default_layer_choice(const Dataset& data, const RuleSizes& sizes);

// What a user asks of the size of images.
struct ResizeChoice {
  std::optional<int> side;  // nothing: by the layers; 0 keeps the size
  ResizeMethod method = ResizeMethod::kArea;
};

// The layers of `images` below the dense ones of `mlp`, for images of that shape: conv and pool,
// and for colour images a dense layer that whitens. Throws Error for small ones.
std::vector<LayerSpec> image_layers(const ImageShape& image);
// The same of `signals`, of shape [1,steps,channels]. Throws Error for short ones.
std::vector<LayerSpec> signal_layers(const ImageShape& signal);

// How prepared rows should be for these layers: images keep their size up to 32 x 32 where a layer
// sees places, and shrink to kDefaultSide where none does, unless `resize` says otherwise. Throws
// Error for a method without images that shrink.
PreprocessOptions preprocess_options(const Dataset& data, const ResizeChoice& resize,
                                     const LayerChoice& layers);

// All layers, from the inputs up, for rows prepared so. Throws Error where a layer needs places and
// the rows are no images or signals, or their values are shuffled.
std::vector<LayerSpec> chosen_layers(const LayerChoice& layers, const Preprocess& preprocess,
                                     const BaseModel& model);

}  // namespace metaplastic
