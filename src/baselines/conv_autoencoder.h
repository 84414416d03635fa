// A convolutional autoencoder: a conv layer of ReLUs with batch norm, and a transposed one that
// adds up what all places say of a pixel. Crops of images are trained on.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "apply/fit_encoder.h"
#include "eval/method.h"
#include "tensor/tape.h"

namespace metaplastic {

// Half the squared error of crops [B, in.size()] that are the mean, over the windows that see a
// pixel, of what these windows say of it: windows [K,1,B P], example b P + p is place p of crop b,
// times its deviation plus its mean. A mean over crops; the bar of `windows` is set.
// means, deviations [B P].
template <class T>
double overlap_loss(Tape<T>& tape, const Var<T>& windows, const EncoderLayer& conv,
                    std::span<const T> means, std::span<const T> deviations,
                    std::span<const T> crops);

// "conv-autoencoder": searched over learning rate, layer and the share of a window that is masked.
std::unique_ptr<FeatureMethod> conv_autoencoder_method(const FitOptions& options, int num_steps);

}  // namespace metaplastic
