// k-means on windows of images: whitened windows, "triangle" activations at every place, pooled.
//                                                                 [Coates, Ng and Lee 2011]
#pragma once

#include <memory>

#include "apply/fit_encoder.h"
#include "baselines/kmeans.h"
#include "baselines/patch_method.h"

namespace metaplastic {

// Pooled triangle features of images as a candidate.
FeatureCandidate triangle_candidate(const PatchRows& rows, Centroids centroids);

// "patch-kmeans"
std::unique_ptr<FeatureMethod> patch_kmeans_method(const FitOptions& options);
// "random-conv": weights that nobody trained, with batch norm folded.
std::unique_ptr<FeatureMethod> random_conv_method(const FitOptions& options);

}  // namespace metaplastic
