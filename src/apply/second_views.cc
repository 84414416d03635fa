#include "apply/second_views.h"

#include <algorithm>
#include <utility>

#include "neighbours/constants.h"
#include "neighbours/views.h"

namespace metaplastic {

int pool_size(int num_inputs, std::optional<int> wanted) {
  if (wanted) return *wanted;
  constexpr int kMaxValues = 1 << 25;
  return std::clamp(kMaxValues / num_inputs, 2, kNeighbourhood.pool);
}

TrainingPool::TrainingPool(const RowSource& training_rows, std::uint64_t seed, ThreadPool* threads,
                           std::optional<int> size, bool ready) {
  {
    TrainingRows rows(training_rows, seed, pool_size(training_rows.num_features(), size),
                      Purpose::kNeighbours);
    rows.batch(0, threads);
    examples_ = rows.take_batch();
    for (std::size_t p = 0; p < rows.last_numbers().size(); ++p)
      place_of_row_.emplace(rows.last_numbers()[p], p);
  }
  const int num_inputs = training_rows.num_features();
  neighbours_ =
      NeighbourPool(examples_, num_inputs, {examples_, num_inputs, threads}, threads, ready);
}

std::optional<std::size_t> TrainingPool::place(std::int64_t row) const {
  const auto found = place_of_row_.find(row);
  if (found == place_of_row_.end()) return std::nullopt;
  return found->second;
}

SecondViews::SecondViews(const RuleSizes& sizes, const ViewSettings& settings, std::uint64_t seed,
                         std::shared_ptr<const TrainingPool> pool,
                         std::shared_ptr<const RowSource> partners)
    : has_two_views_(sizes.has_two_views()), seed_(seed), partners_(std::move(partners)) {
  if (!sizes.has_neighbours() || !pool) return;
  pool_ = std::move(pool);
  neighbours_ = pool_->neighbours().with_settings(settings);
  neighbours_.use_threads(nullptr);
}

std::span<const float> SecondViews::batch(TrainingRows& rows, int step) {
  const std::span<const float> examples = rows.batch(step);
  if (!has_two_views_) return examples;
  views_.resize(2 * examples.size());
  const Random random(seed_, Purpose::kViewNoise, 0, static_cast<std::uint32_t>(step));
  const auto num_inputs =
      static_cast<int>(examples.size() / static_cast<std::size_t>(rows.batch_size()));
  std::vector<std::size_t> near;
  if (partners_) {
    partner_rows_.resize(examples.size());
    gather_rows(*partners_, rows.last_numbers(), partner_rows_);
  } else if (pool_) {
    near = nearest(examples, rows.last_numbers());
  }
  add_second_views(examples, neighbours_, near, num_inputs, random, views_, partner_rows_);
  return views_;
}

std::vector<std::size_t> SecondViews::nearest(std::span<const float> examples,
                                              std::span<const std::int64_t> numbers) {
  if (!neighbours_.searches_columns_alone()) return neighbours_.nearest(examples);
  const std::size_t B = numbers.size();
  std::vector<std::size_t> result(B * kChoices), unknown;
  std::unique_lock lock(searched_->mutex);
  for (std::size_t b = 0; b < B; ++b) {
    const auto out = result.begin() + static_cast<std::ptrdiff_t>(b * kChoices);
    const auto place = pool_->place(numbers[b]);
    const auto known =
        place ? neighbours_.nearest_of_example(*place) : std::span<const std::size_t>{};
    const auto found = searched_->of_row.find(numbers[b]);
    if (!known.empty()) {
      std::ranges::copy(known, out);
    } else if (found != searched_->of_row.end()) {
      std::ranges::copy(found->second, out);
    } else {
      unknown.push_back(b);
    }
  }
  lock.unlock();
  if (unknown.empty()) return result;
  std::vector<float> columns;
  for (std::size_t row = 0; row < examples.size(); row += B)
    for (const std::size_t b : unknown) columns.push_back(examples[row + b]);
  const std::vector<std::size_t> found = neighbours_.nearest(columns);
  lock.lock();
  for (std::size_t n = 0; n < unknown.size(); ++n) {
    const auto of_row = std::span(found).subspan(n * kChoices, kChoices);
    std::ranges::copy(of_row, result.begin() + static_cast<std::ptrdiff_t>(unknown[n] * kChoices));
    std::ranges::transform(of_row, searched_->of_row[numbers[unknown[n]]].begin(),
                           [](std::size_t p) { return static_cast<std::uint32_t>(p); });
  }
  return result;
}

}  // namespace metaplastic
