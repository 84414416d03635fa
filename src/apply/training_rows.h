// Batches of training rows, and the rows that stand for all of them in a batch norm's statistics.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "data/dataset.h"

namespace metaplastic {

// Rows at most that stand for all rows in a batch norm's statistics.
inline constexpr std::int64_t kMaxStatisticsRows = 10'000;

// What is drawn is a function of (seed, purpose, run, step), whoever draws. Keeps a reference to
// the source.
class TrainingRows {
 public:
  // Batches hold `batch_size` rows, or all rows where there are fewer. `run` tells apart trainings
  // that share a seed.
  TrainingRows(const RowSource& source, std::uint64_t seed, int batch_size,
               Purpose purpose = Purpose::kInnerBatch, std::uint32_t run = 0);

  int batch_size() const { return B_; }

  // Different rows as a batch [U_0,B] of that step; valid until the next call. Threads, if any,
  // share the reading.
  std::span<const float> batch(int step, ThreadPool* threads = nullptr);
  // The same batch, given away.
  std::vector<float> take_batch() { return std::move(batch_); }
  // The same batch as rows [B,U_0], and their numbers.
  std::span<const float> last_rows() const { return rows_; }
  std::span<const std::int64_t> last_numbers() const { return numbers_; }

  // Rows [n,U_0], n <= 10,000, that stand for the whole data. Threads, if any, share the reading.
  std::vector<float> statistics_rows(std::int64_t& num_rows, ThreadPool* threads = nullptr) const;

 private:
  const RowSource& source_;
  std::uint64_t seed_;
  Purpose purpose_;
  std::uint64_t run_;
  int B_;
  std::vector<std::int64_t> numbers_;  // [B]
  std::vector<float> rows_;            // [B,U_0]
  std::vector<float> batch_;           // [U_0,B]
};

}  // namespace metaplastic
