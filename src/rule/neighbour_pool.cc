#include "rule/neighbour_pool.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "rule/constants.h"
#include "rule/near_examples.h"

namespace metaplastic {

NeighbourPool::NeighbourPool(std::span<const float> examples, int num_inputs,
                             NeighbourMetric metric)
    : examples_(examples),
      num_inputs_(static_cast<std::size_t>(num_inputs)),
      metric_(std::move(metric)),
      coordinates_(metric_.coordinates(examples)) {
  count_ = examples.size() / num_inputs_;
  if (!metric_.by_shape()) return;  // walks of one hop start at no example of the pool
  const LocatedExamples located{examples_, coordinates_, count_};
  near_ = nearest_others(located, located);
}

double NeighbourPool::mean_hops() const {
  if (!metric_.by_shape()) return 1;
  const double times = static_cast<double>(count_) / kRule.neighbour_hops_pool;
  return kRule.neighbour_hops * std::max(1.0, times);
}

std::vector<std::size_t> NeighbourPool::walk(std::span<const float> batch, Random& random) const {
  constexpr auto kChoices = static_cast<std::size_t>(kRule.neighbour_choices);
  METAPLASTIC_CHECK(count_ >= 1 && batch.size() % num_inputs_ == 0);
  const auto stop = static_cast<float>(1 / mean_hops());
  const std::vector<float> coordinates = metric_.coordinates(batch);
  const std::vector<std::size_t> starts = nearest_others(
      {batch, coordinates, batch.size() / num_inputs_}, {examples_, coordinates_, count_});
  std::vector<std::size_t> ends(starts.size() / kChoices);
  for (std::size_t b = 0; b < ends.size(); ++b) {
    ends[b] = starts[b * kChoices + random.below(kChoices)];
    while (ends[b] < count_ && random.uniform() >= stop)
      ends[b] = near_[ends[b] * kChoices + random.below(kChoices)];
  }
  return ends;
}

}  // namespace metaplastic
