#include "meta/mean_gradient.h"

#include <algorithm>

namespace metaplastic {

OuterMetrics mean_gradient(const std::vector<Report>& reports, std::int64_t outer_step,
                           std::vector<float>& gradient) {
  OuterMetrics metrics;
  std::ranges::fill(gradient, 0.0f);
  int num_finite = 0;
  for (const Report& report : reports) {
    ++metrics.num_truncations;
    metrics.inner_steps += report.inner_steps;
    metrics.data_seconds += report.data_seconds;
    const std::int64_t staleness = outer_step - report.outer_step;
    metrics.staleness_mean += static_cast<double>(staleness);
    metrics.staleness_max = std::max(metrics.staleness_max, staleness);
    if (!report.result.finite) {
      ++metrics.num_non_finite;
      continue;
    }
    ++num_finite;
    metrics.meta_loss += report.result.meta_loss;
    metrics.accuracy += report.result.accuracy;
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += report.gradient[i];
  }
  if (metrics.num_truncations > 0) metrics.staleness_mean /= metrics.num_truncations;
  if (num_finite == 0) return metrics;
  for (float& value : gradient) value /= static_cast<float>(num_finite);
  metrics.meta_loss /= num_finite;
  metrics.accuracy /= num_finite;
  return metrics;
}

}  // namespace metaplastic
