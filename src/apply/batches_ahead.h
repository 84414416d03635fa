// The batches of a training in the order of its steps, with their second views: threads that have
// nothing else to do prepare the next ones while a step runs. Bits do not depend on threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "apply/second_views.h"
#include "apply/training_rows.h"
#include "base/thread_pool.h"

namespace metaplastic {

class BatchesAhead {
 public:
  // Batches [first_step, end_step) of these rows with these views, `batch_bytes` each. The threads,
  // or null, must be idle and outlive this.
  BatchesAhead(const TrainingRows& rows, const SecondViews& views, int first_step, int end_step,
               std::int64_t batch_bytes, ThreadPool* threads);
  ~BatchesAhead();
  BatchesAhead(const BatchesAhead&) = delete;
  BatchesAhead& operator=(const BatchesAhead&) = delete;

  // The next batch, as SecondViews::batch; valid until the next call. Throws what its preparation
  // threw.
  std::span<const float> next();

 private:
  // Preparations that are in memory at once; batch n is in place n modulo their number.
  struct Place {
    Place(const TrainingRows& training_rows, const SecondViews& second_views)
        : rows(training_rows), views(second_views) {}
    TrainingRows rows;
    SecondViews views;
    std::span<const float> batch;
    std::exception_ptr error;
    std::atomic<int> ready = -1;  // the step that it is prepared for
  };

  // Prepares the first batch that nobody does; false: there is no room for more.
  bool prepare_one();
  Place& place_of(int step) { return *places_[static_cast<std::size_t>(step) % places_.size()]; }

  std::vector<std::unique_ptr<Place>> places_;
  ThreadPool* threads_;
  const int end_step_;
  int following_;  // the batch that next() gives
  std::mutex mutex_;
  int in_use_;      // guarded by mutex_; the batch that next() gave last, at first the first one
  int unprepared_;  // guarded by mutex_; the first batch that nobody prepares
  const std::function<bool()> run_piece_ = [this] { return prepare_one(); };
};

}  // namespace metaplastic
