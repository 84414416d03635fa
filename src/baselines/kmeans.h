// k-means features: "triangle" activations of the distances to centroids.  [Coates, Ng, Lee 2011]
//
//   f_k(x) = max(0, mean over centroids of z - z_k),   z_k = |x - c_k|
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "eval/method.h"

namespace metaplastic {

struct Centroids {
  std::vector<float> values;  // [k,U]
  int num_inputs = 0;
  int count() const { return static_cast<int>(values.size()) / num_inputs; }
};

// Lloyd's iterations from a k-means++ start on rows [N,U]; a centroid that lost all its rows moves
// to the row farthest from its own. Ends when no row changes or after max_iterations. A function of
// its arguments.  Cost per iteration 2 N k U flops.
Centroids fit_centroids(std::span<const float> rows, int num_inputs, int num_centroids,
                        std::uint64_t seed, std::uint32_t run, int max_iterations = 30);

// rows [N,U] -> out [N,k]
void triangle_features(const Centroids& centroids, std::span<const float> rows,
                       std::int64_t num_rows, std::span<float> out);

// Searched over the number of centroids and, where there are principal components enough, over
// whitened inputs.
std::unique_ptr<FeatureMethod> kmeans_method();

}  // namespace metaplastic
