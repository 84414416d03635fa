#include "apply/batches_ahead.h"

#include <algorithm>

#include "base/error.h"

namespace metaplastic {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{1} << 26;  // of batches at a time, or one batch
constexpr int kBatchesPerThread = 3;

}  // namespace

BatchesAhead::BatchesAhead(const TrainingRows& rows, const SecondViews& views, int first_step,
                           int end_step, std::int64_t batch_bytes, ThreadPool* threads)
    : threads_(threads),
      end_step_(end_step),
      following_(first_step),
      in_use_(first_step),
      unprepared_(first_step) {
  METAPLASTIC_CHECK(first_step >= 0 && first_step <= end_step && batch_bytes > 0);
  const auto room = static_cast<int>(std::clamp<std::int64_t>(
      kMostBytes / batch_bytes, 1, threads ? kBatchesPerThread * threads->num_threads() : 1));
  const int num_places = threads ? std::min(room, std::max(1, end_step - first_step)) : 1;
  for (int n = 0; n < num_places; ++n) places_.push_back(std::make_unique<Place>(rows, views));
  if (threads_) threads_->set_spare_work(&run_piece_);
}

BatchesAhead::~BatchesAhead() {
  if (threads_) threads_->set_spare_work(nullptr);
}

bool BatchesAhead::prepare_one() {
  int step = 0;
  {
    const std::lock_guard lock(mutex_);
    // The batch that is in use keeps its place.
    if (unprepared_ >= std::min(end_step_, in_use_ + static_cast<int>(places_.size())))
      return false;
    step = unprepared_++;
  }
  Place& place = place_of(step);
  try {
    place.batch = place.views.batch(place.rows, step);
  } catch (...) {
    place.error = std::current_exception();
  }
  place.ready = step;
  place.ready.notify_one();
  return true;
}

std::span<const float> BatchesAhead::next() {
  int step = 0;
  {
    const std::lock_guard lock(mutex_);
    step = in_use_ = following_++;
  }
  METAPLASTIC_CHECK(step < end_step_);
  if (threads_) threads_->announce_spare_work();
  Place& place = place_of(step);
  while (place.ready != step) {
    if (prepare_one()) continue;
    const int other = place.ready;
    if (other != step) place.ready.wait(other);
  }
  if (place.error) std::rethrow_exception(place.error);
  return place.batch;
}

}  // namespace metaplastic
