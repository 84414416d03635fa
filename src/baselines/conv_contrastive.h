// Contrastive learning with image augmentations on a conv layer: its pooled places, a hidden layer
// and a projection find the other view of an image.              [Chen et al. 2020]
#pragma once

#include <memory>

#include "apply/fit_encoder.h"
#include "eval/method.h"
#include "tensor/tape.h"

namespace metaplastic {

// Means over parts of the examples: x [U,1,G B P], cell g, image b, place p at (g B + b) P + p ->
// [U G,1,B].
template <class T>
Var<T> pool_cells_of(Tape<T>& tape, const Var<T>& x, int num_cells, int num_images);

// "conv-contrastive": searched over learning rate, layer, temperature.
std::unique_ptr<FeatureMethod> conv_contrastive_method(const FitOptions& options, int num_steps);

}  // namespace metaplastic
