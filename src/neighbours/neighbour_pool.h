// The examples over which random walks lead from an example to its second view.
// [docs/method.md, "Two views"; not in the paper]
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/random.h"
#include "neighbours/near_examples.h"
#include "neighbours/neighbour_metric.h"

namespace metaplastic {

// Multiplies what a pool derives from its data: the mean length of walks, the noise of second
// views, and the share that homeostatic units aim at.
struct NeighbourFactors {
  double hops = 1, noise = 1, share = 1;
};

class NeighbourPool {
 public:
  NeighbourPool() = default;  // of none
  // examples [U,P]: kept as a reference. Cost: k (U + P) P, k coordinates of the metric.
  // The threads, if any, must be idle and outlive searches in this pool and its copies.
  NeighbourPool(std::span<const float> examples, int num_inputs, NeighbourMetric metric,
                ThreadPool* threads = nullptr);
  // The same examples with other factors. Cost: next to none, but k P^2 for the first factors whose
  // walks have more than one hop.
  NeighbourPool with_factors(const NeighbourFactors& factors) const;

  // The full table of neighbours, also for short walks: the first hop of walks from known places
  // then needs no search. Cost: k P^2.
  void list_neighbours();

  // Whose threads search from now on; null: the caller's alone.
  void use_threads(ThreadPool* threads) { threads_ = threads; }
  ThreadPool* threads() const { return threads_; }

  int num_inputs() const { return located_->num_inputs; }
  std::span<const float> examples() const { return located_->examples.inputs(); }  // [U,P]
  std::span<const float> row(std::size_t example) const {                          // [U]
    const auto U = static_cast<std::size_t>(located_->num_inputs);
    return std::span(located_->rows).subspan(example * U, U);
  }
  const NeighbourMetric& metric() const { return located_->metric; }
  // Hops of a walk in the mean: 1 where near is a matter of distance and where inputs are sparse;
  // else kNeighbourhood.hops for a pool of up to kNeighbourhood.hops_pool examples, and in
  // proportion for a larger one, in which a hop leads less far. Times the factor.
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

  void look_for_neighbours();

  // What pools with different factors share.
  struct Located {
    int num_inputs = 0;
    NeighbourMetric metric;
    LocatedExamples examples;
    std::vector<float> rows;  // [P,U], the examples again: a walk's end is read in one piece
  };
  std::shared_ptr<const Located> located_ = std::make_shared<Located>();
  std::shared_ptr<const std::vector<std::size_t>> near_;  // [P,kChoices], where walks are long
  NeighbourFactors factors_;
  ThreadPool* threads_ = nullptr;
};

}  // namespace metaplastic
