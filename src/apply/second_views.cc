#include "apply/second_views.h"

#include <algorithm>
#include <utility>

#include "neighbours/constants.h"
#include "neighbours/views.h"

namespace metaplastic {

int pool_size(int num_inputs) {
  constexpr int kMaxValues = 1 << 25;
  return std::clamp(kMaxValues / num_inputs, 2, kNeighbourhood.pool);
}

TrainingPool::TrainingPool(const RowSource& training_rows, std::uint64_t seed,
                           ThreadPool* threads) {
  TrainingRows rows(training_rows, seed, pool_size(training_rows.num_features()),
                    Purpose::kNeighbours);
  const std::span<const float> drawn = rows.batch(0);
  examples_.assign(drawn.begin(), drawn.end());
  for (std::size_t p = 0; p < rows.last_numbers().size(); ++p)
    place_of_row_.emplace(rows.last_numbers()[p], p);
  const int num_inputs = training_rows.num_features();
  neighbours_ = NeighbourPool(examples_, num_inputs, {examples_, num_inputs}, threads);
}

std::vector<std::size_t> TrainingPool::places(std::span<const std::int64_t> rows) const {
  std::vector<std::size_t> result;
  for (const std::int64_t row : rows) {
    const auto found = place_of_row_.find(row);
    if (found == place_of_row_.end()) return {};
    result.push_back(found->second);
  }
  return result;
}

SecondViews::SecondViews(const RuleSizes& sizes, const NeighbourFactors& factors,
                         std::uint64_t seed, std::shared_ptr<const TrainingPool> pool,
                         std::shared_ptr<const RowSource> partners)
    : has_two_views_(sizes.has_two_views()), seed_(seed), partners_(std::move(partners)) {
  if (!sizes.has_neighbours() || !pool) return;
  pool_ = std::move(pool);
  neighbours_ = pool_->neighbours().with_factors(factors);
}

std::span<const float> SecondViews::batch(TrainingRows& rows, int step) {
  const std::span<const float> examples = rows.batch(step);
  if (!has_two_views_) return examples;
  views_.resize(2 * examples.size());
  const Random random(seed_, Purpose::kViewNoise, 0, static_cast<std::uint32_t>(step));
  const auto num_inputs =
      static_cast<int>(examples.size() / static_cast<std::size_t>(rows.batch_size()));
  if (partners_) {
    partner_rows_.resize(examples.size());
    gather_rows(*partners_, rows.last_numbers(), partner_rows_);
  }
  add_second_views(examples, neighbours_,
                   pool_ ? pool_->places(rows.last_numbers()) : std::vector<std::size_t>{},
                   num_inputs, random, views_, partner_rows_);
  return views_;
}

}  // namespace metaplastic
