#include "neighbours/neighbour_pool.h"

#include <algorithm>
#include <utility>

#include "base/transpose.h"
#include "neighbours/constants.h"

namespace metaplastic {

ViewSettings usual_views(ExampleKind kind) {
  switch (kind) {
    case ExampleKind::kShapes:
      return {.hops = kNeighbourhood.hops};
    case ExampleKind::kSparse:
      return {.noise = kNeighbourhood.sparse_noise,
              .share = kNeighbourhood.sparse_homeostatic_share};
    default:
      return {};
  }
}

NeighbourPool::NeighbourPool(std::span<const float> examples, int num_inputs,
                             NeighbourMetric metric, ThreadPool* threads, bool ready)
    : threads_(threads) {
  std::vector<float> rows(examples.size());
  transpose_rows(examples, num_inputs, rows, threads);
  rows_ = std::make_shared<const std::vector<float>>(std::move(rows));
  locate(examples, num_inputs, std::move(metric));
  settings_ = usual_views(kind());
  if (ready) look_for_neighbours();
}

void NeighbourPool::locate(std::span<const float> examples, int num_inputs,
                           NeighbourMetric metric) {
  const std::size_t P = examples.size() / static_cast<std::size_t>(num_inputs);
  const bool is_large = P > std::size_t{kNeighbourhood.exact_pool};
  LocatedExamples located(examples, num_inputs, metric.coordinates(examples), !is_large, threads_);
  const auto made =
      std::make_shared<Located>(Located{num_inputs, std::move(metric), std::move(located)});
  if (is_large) made->lists = std::make_unique<NearLists>(made->examples, threads_);
  located_ = made;
  near_.reset();
}

NeighbourPool NeighbourPool::with_settings(const ViewSettings& settings) const {
  NeighbourPool pool = *this;
  pool.settings_ = settings;
  if (settings.whitening && metric().by_shape() && *settings.whitening != metric().whitening())
    pool.locate(examples(), num_inputs(), metric().with_whitening(*settings.whitening));
  pool.look_for_neighbours();
  return pool;
}

// The full neighbour table is costly, and only walks of more than one hop need it.
void NeighbourPool::look_for_neighbours() {
  if (mean_hops() > 1) list_neighbours();
}

void NeighbourPool::list_neighbours() {
  if (!near_) near_ = std::make_shared<std::vector<std::size_t>>(search(located_->examples));
}

double NeighbourPool::mean_hops() const {
  double times = 1;
  if (kind() == ExampleKind::kShapes) {
    times = static_cast<double>(located_->examples.count()) / kNeighbourhood.hops_pool;
  }
  return std::max(1.0, settings_.hops * std::max(1.0, times));
}

std::vector<std::size_t> NeighbourPool::nearest(std::span<const float> batch) const {
  return search({batch, located_->num_inputs, metric().coordinates(batch)});
}

std::vector<std::size_t> NeighbourPool::search(const LocatedExamples& from) const {
  if (located_->lists) return located_->lists->nearest(from, threads_);
  return nearest_others(from, located_->examples, threads_);
}

std::span<const std::size_t> NeighbourPool::nearest_of_example(std::size_t example) const {
  if (!near_) return {};
  return std::span(*near_).subspan(example * kChoices, kChoices);
}

std::vector<std::size_t> NeighbourPool::walk(std::span<const std::size_t> nearest,
                                             Random& random) const {
  const auto stop = static_cast<float>(1 / mean_hops());
  std::vector<std::size_t> ends(nearest.size() / kChoices);
  for (std::size_t b = 0; b < ends.size(); ++b) {
    ends[b] = nearest[b * kChoices + random.below(kChoices)];
    while (ends[b] < located_->examples.count() && random.uniform() >= stop)
      ends[b] = (*near_)[ends[b] * kChoices + random.below(kChoices)];
  }
  return ends;
}

}  // namespace metaplastic
