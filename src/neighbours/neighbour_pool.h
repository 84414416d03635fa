// The examples over which random walks lead from an example to its second view.
// [docs/method.md, "Two views"; not in the paper]
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "neighbours/constants.h"
#include "neighbours/near_examples.h"
#include "neighbours/near_lists.h"
#include "neighbours/neighbour_metric.h"

namespace metaplastic {

// How a rule of near examples sees them.
struct ViewSettings {
  // Mean length of a walk, at least one hop; in a pool of shapes that is larger than
  // kNeighbourhood.hops_pool, in proportion longer, because a hop leads less far there.
  double hops = 1;
  double noise = kNeighbourhood.noise;              // deviation over that of the inputs
  double share = kNeighbourhood.homeostatic_share;  // that units aim at (homeostasis.h)
  std::optional<double> whitening = {};             // of the metric; none: as the examples chose

  bool operator==(const ViewSettings&) const = default;
};
// Set by hand.
ViewSettings usual_views(ExampleKind kind);

class NeighbourPool {
 public:
  NeighbourPool() = default;  // of none
  // examples [U,P]: kept as a reference. Cost: k (U + P) P, k coordinates of the metric; of more
  // than kNeighbourhood.exact_pool examples k (U + sqrt(P)) P, and then a search is approximate.
  // The threads, if any, must be idle and outlive searches in this pool and its copies. Not
  // `ready`: nothing is searched before with_settings.
  NeighbourPool(std::span<const float> examples, int num_inputs, NeighbourMetric metric,
                ThreadPool* threads = nullptr, bool ready = true);
  // The same examples with other settings than usual_views. Cost: next to none, but k P^2 for the
  // first settings whose walks have more than one hop, and for another whitening.
  NeighbourPool with_settings(const ViewSettings& settings) const;

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
    return std::span(*rows_).subspan(example * U, U);
  }
  const NeighbourMetric& metric() const { return located_->metric; }
  ExampleKind kind() const { return metric().kind(); }
  const ViewSettings& settings() const { return settings_; }
  double mean_hops() const;  // of a walk in this pool, by settings().hops
  // The kChoices nearest examples to each column of batch [U,B] that differ from it, indices
  // [B,kChoices]; P where no example differs. Cost: k B P.
  std::vector<std::size_t> nearest(std::span<const float> batch) const;
  // Those of an example of the pool, [kChoices]; empty where walks are short, which need no table.
  std::span<const std::size_t> nearest_of_example(std::size_t example) const;
  // Whether the neighbours of a column are the same, to the bit, in whatever batch it is searched.
  bool searches_columns_alone() const {
    return located_->lists || located_->examples.panels().rank() > 0;
  }
  // Where random walks from examples with these neighbours, `nearest` [B,kChoices], end: indices
  // [B]. Every hop chooses one of the kChoices neighbours uniformly, and another hop follows so
  // often that there are mean_hops() in the mean. P where no example differs.
  std::vector<std::size_t> walk(std::span<const std::size_t> nearest, Random& random) const;

 private:
  void locate(std::span<const float> examples, int num_inputs, NeighbourMetric metric);
  void look_for_neighbours();
  std::vector<std::size_t> search(const LocatedExamples& from) const;

  // What pools with different settings share.
  struct Located {
    int num_inputs = 0;
    NeighbourMetric metric;
    LocatedExamples examples;
    std::unique_ptr<const NearLists> lists = nullptr;  // of a large pool
  };
  std::shared_ptr<const Located> located_ = std::make_shared<Located>();
  // [P,U], the examples again: a walk's end is read in one piece.
  std::shared_ptr<const std::vector<float>> rows_ = std::make_shared<std::vector<float>>();
  std::shared_ptr<const std::vector<std::size_t>> near_;  // [P,kChoices], where walks are long
  ViewSettings settings_;
  ThreadPool* threads_ = nullptr;
};

}  // namespace metaplastic
