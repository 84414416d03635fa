// The methods of evaluate by name. A new baseline: one file in this folder and one row in
// methods.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/learned_method.h"
#include "eval/method.h"

namespace metaplastic {

struct MethodOptions {
  FitOptions fit;             // of "learned"; its base model is that of all methods
  ReadLayers layers;          // of all methods that have a base model
  int training_steps = 6000;  // of each gradient training, batches of 128
};

// learned, random, raw, pca, kmeans, autoencoder, denoising, vae, supervised, transfer,
// prototypical, contrastive, label-spreading, patch-kmeans, random-conv, softhebb,
// conv-autoencoder, conv-contrastive.
const std::vector<std::string>& method_names();

// One method per name, in that order; docs/evaluation.md lists further names of the same methods.
// The rule is what "learned" applies. Throws Error for an unknown name (with the nearest one) or a
// method twice.
std::vector<std::unique_ptr<FeatureMethod>> make_methods(const std::vector<std::string>& names,
                                                         const Rule& rule,
                                                         const MethodOptions& options);

}  // namespace metaplastic
