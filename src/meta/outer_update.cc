#include "meta/outer_update.h"

#include <algorithm>

#include "base/error.h"
#include "meta/adam.h"

namespace metaplastic {

void finish_report(const OuterConfig& config, Report& report) {
  if (report.result.finite) {
    clip_norm(report.gradient, config.clip_truncation);
  } else {
    report.gradient.clear();
  }
}

std::string describe_non_finite(const Report& report, const TaskDistribution& tasks,
                                std::uint64_t seed) {
  const Task task = tasks.make_task(seed, report.task_index, Split::kTrain);
  return fmt::format(
      "non-finite truncation: seed {}, task {} ({}), inner steps up to {}; it restarts", seed,
      report.task_index, task.family(), report.inner_step);
}

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

OuterMetrics outer_update(const MetaConfig& config, std::vector<Report> reports, RunState& state) {
  const bool asynchronous = config.outer.mode == "async";
  if (!asynchronous) {
    std::ranges::sort(reports, {}, &Report::slot);  // so that nobody's speed changes a bit
  }
  std::vector<float> gradient(state.outer.theta.size());
  OuterMetrics metrics = mean_gradient(reports, state.outer.outer_step, gradient);
  const ThetaLayout layout(config.rule);
  keep_trained(layout, config.outer.trained, gradient);
  metrics.gradient_norm = clip_norm(gradient, config.outer.clip_gradient);
  metrics.outer_lr = outer_lr_at(config.outer, state.outer.outer_step);
  adam_step(config.outer, layout, gradient, state.outer);
  metrics.asynchronous = asynchronous;
  metrics.outer_step = state.outer.outer_step;
  state.non_finite_truncations += metrics.num_non_finite;
  return metrics;
}

}  // namespace metaplastic
