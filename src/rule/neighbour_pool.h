// The examples over which random walks lead from an example to its second view.
// [docs/method.md, "Two views"; not in the paper]
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/random.h"
#include "rule/near_examples.h"
#include "rule/neighbour_metric.h"
#include "rule/rule_variant.h"

namespace metaplastic {

class NeighbourPool {
 public:
  NeighbourPool() = default;  // of none
  // examples [U,P]: kept as a reference. Cost: k (U + P) P, k coordinates of the metric.
  NeighbourPool(std::span<const float> examples, int num_inputs, NeighbourMetric metric,
                const RuleVariant& variant = {});

  std::span<const float> examples() const { return examples_.inputs(); }  // [U,P]
  const NeighbourMetric& metric() const { return metric_; }
  // Hops of a walk in the mean: 1 where near is a matter of distance and where inputs are sparse;
  // else kRule.neighbour_hops for a pool of up to kRule.neighbour_hops_pool examples, and in
  // proportion for a larger one, in which a hop leads less far. Of a variant, times its hops.
  double mean_hops() const;
  // Deviation of the noise that second views get, over that of the inputs.
  double noise() const;
  // What units aim at that learn from these examples (homeostasis.h).
  double homeostatic_share() const;
  // Where random walks from the columns of batch [U,B] end, indices [B]: every hop goes to one of
  // the kChoices nearest examples that differ from where it starts, by even chance, and another one
  // follows so often that there are mean_hops() in the mean. P where no example differs. `places`:
  // where in the pool the columns stand, [B]; empty where that is not known. Cost: k B P, or next
  // to none where walks are long and places are known.
  std::vector<std::size_t> walk(std::span<const float> batch, std::span<const std::size_t> places,
                                Random& random) const;

 private:
  // Where the first hop may lead, indices [B,kChoices].
  std::vector<std::size_t> nearest(std::span<const float> batch,
                                   std::span<const std::size_t> places) const;

  int num_inputs_ = 0;
  NeighbourMetric metric_;
  RuleVariant variant_;
  LocatedExamples examples_;
  std::vector<std::size_t> near_;  // [P,kChoices], of the examples, where walks are long
};

}  // namespace metaplastic
