// Second views of training batches, for a rule that compares two.  [docs/method.md, "Two views"]
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "apply/training_rows.h"
#include "neighbours/neighbour_pool.h"
#include "rule/theta.h"

namespace metaplastic {

// Examples to look for neighbours among, as asked for; nothing: kNeighbourhood.pool, fewer where
// rows are wide, so that they stay below 128 MB.
int pool_size(int num_inputs, std::optional<int> wanted = {});

// The training rows among which walks lead, and where they stand; trainings with the same seed can
// share one.
class TrainingPool {
 public:
  // A function of rows, seed and size (pool_size). Memory: up to 128 MB of rows by default. The
  // threads, if any, search. ready: NeighbourPool.
  TrainingPool(const RowSource& training_rows, std::uint64_t seed, ThreadPool* threads = nullptr,
               std::optional<int> size = {}, bool ready = true);
  TrainingPool(const TrainingPool&) = delete;
  TrainingPool& operator=(const TrainingPool&) = delete;

  const NeighbourPool& neighbours() const { return neighbours_; }
  // Where the row with this number stands in the pool; nothing when it is not there.
  std::optional<std::size_t> place(std::int64_t row) const;

 private:
  std::vector<float> examples_;                                 // [U_0,P]
  std::unordered_map<std::int64_t, std::size_t> place_of_row_;  // in the pool
  NeighbourPool neighbours_;
};

class SecondViews {
 public:
  // pool, and settings of its walks: of a rule that walks among neighbours, else nothing and of no
  // effect. partners: a second view of every training row, instead of a walk; or nothing.
  SecondViews(const RuleSizes& sizes, const ViewSettings& settings, std::uint64_t seed,
              std::shared_ptr<const TrainingPool> pool,
              std::shared_ptr<const RowSource> partners = nullptr);

  // The batch [U_0,B] of that step, or [U_0,2B] that is valid until the next call. Copies of this
  // share what they have searched; different threads may use them.
  std::span<const float> batch(TrainingRows& rows, int step);

 private:
  // Of every row of the batch in `examples`, [B,kChoices]. Rows that the pool or an earlier step
  // knows are not searched again.
  std::vector<std::size_t> nearest(std::span<const float> examples,
                                   std::span<const std::int64_t> numbers);

  bool has_two_views_;
  std::uint64_t seed_;
  std::shared_ptr<const TrainingPool> pool_;
  std::shared_ptr<const RowSource> partners_;
  NeighbourPool neighbours_;
  // Neighbours of rows that were searched for, by row.
  struct Searched {
    std::mutex mutex;
    std::unordered_map<std::int64_t, std::array<std::uint32_t, kChoices>> of_row;  // guarded
  };
  std::shared_ptr<Searched> searched_ = std::make_shared<Searched>();
  std::vector<float> views_, partner_rows_;
};

}  // namespace metaplastic
