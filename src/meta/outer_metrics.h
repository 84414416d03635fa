// What one outer step did; one line of metrics.jsonl.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "meta/validation.h"

namespace metaplastic {

struct OuterMetrics {
  std::int64_t outer_step = 0;  // updates done, counting this one
  double meta_loss = 0;         // mean over the truncations that were finite
  double accuracy = 0;
  double gradient_norm = 0;  // of the averaged gradient before clipping
  double outer_lr = 0;
  int num_truncations = 0;
  int num_non_finite = 0;
  std::int64_t inner_steps = 0;
  double seconds = 0;       // of this outer step
  double data_seconds = 0;  // making batches, summed over threads and ranks
  // Asynchronous runs: updates between the theta of a truncation and the one it is used for.
  bool asynchronous = false;
  double staleness_mean = 0;
  std::int64_t staleness_max = 0;
  int num_stale = 0;             // truncations that came too late and were not used
  std::vector<int> rank_counts;  // truncations that came from each rank, the late ones too
  std::optional<ValidationResult> validation;
};

}  // namespace metaplastic
