// What "near" means among the examples of a data set.  [docs/method.md, "Two views"]
//
// Where an input is negative (tables are standardised): a small distance between the inputs. Where
// none is (images, bags of words): a small angle between what is left of the inputs without
// brightness and contrast, in their leading principal components, whitened not at all, half or
// whole. Which of the three, the examples say themselves, without labels: the one in whose graph of
// neighbours random walks remember longest where they started (near_examples.h:walk_memory), the
// least whitened of equals. Or a rule says how much (rule.metric). Sparse inputs (bags of words;
// sparse_inputs.h) are first divided by the root of their mean, as in correspondence analysis
// (Benzecri 1973), so that rare words tell more than common ones.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "neighbours/example_kind.h"

namespace metaplastic {

class NeighbourMetric {
 public:
  struct Components {
    std::vector<float> axes;       // [k,U], by falling variance
    std::vector<float> variances;  // [k]
  };

  NeighbourMetric() = default;
  // examples [U,P], of which kNeighbourhood.metric_examples, evenly spread, are looked at. Threads,
  // if any, share the work.
  NeighbourMetric(std::span<const float> examples, int num_inputs, ThreadPool* threads = nullptr);

  // Near means alike in shape; else, a small distance.
  bool by_shape() const { return by_shape_; }
  bool of_sparse_inputs() const { return !scale_.empty(); }
  ExampleKind kind() const {
    if (!by_shape_) return ExampleKind::kDistances;
    return of_sparse_inputs() ? ExampleKind::kSparse : ExampleKind::kShapes;
  }
  // Components are multiplied by their variance to minus this. Chosen: 0, 0.25 or 0.5.
  double whitening() const { return whitening_; }
  // With another whitening, where there are components. Cost: of their axes.
  NeighbourMetric with_whitening(double power) const;
  // x [U,N] -> [k,N], in which near is a small distance: the inputs themselves, or columns of
  // length 1 (0 where all inputs of an example are equal).
  std::vector<float> coordinates(std::span<const float> x) const;

 private:
  std::vector<float> shapes_of(std::span<const float> x) const;
  // By the walks over inputs [U,P], whose shapes lie around their mean.
  void choose_whitening(std::span<const float> inputs, const std::vector<float>& shapes,
                        ThreadPool* threads);

  std::size_t num_inputs_ = 0;
  bool by_shape_ = false;
  double whitening_ = 0;
  std::vector<float> scale_;  // [U], of sparse inputs
  std::vector<float> mean_;   // [U], of the shapes
  Components components_;     // of the shapes
  std::vector<float> axes_;   // [k,U], of the components, each times a power of its variance
};

}  // namespace metaplastic
