#include "meta/task_traits.h"

#include <algorithm>
#include <cmath>

#include "meta/conv_model.h"
#include "meta/trajectory.h"

namespace metaplastic {
namespace {

// Traits that hardly differ among tasks say nothing: a rule does not read them.
constexpr double kLeastDeviation = 1e-3;

std::vector<Traits> traits_of_tasks(const MetaConfig& config, const TaskDistribution& tasks,
                                    std::uint64_t seed) {
  std::vector<Traits> all;
  TaskData data;
  for (int n = 0; n < kTraitTasks; ++n) {
    const auto index = static_cast<std::uint64_t>(n);
    Task task = tasks.make_task(seed, index, Split::kTrain);
    TrajectorySettings drawn = draw_trajectory(config, seed, index, task.num_inputs(), 0);
    draw_conv_model(config, seed, index, task, drawn);  // a stack counts by its windows
    std::optional<NeighbourMetric> metric;
    data.start(task, 0, 1, drawn.inner_batch, config, metric, drawn.rows);
    all.push_back(data.profile().traits);
  }
  return all;
}

}  // namespace

std::vector<float> with_measured_traits(const MetaConfig& config, const TaskDistribution& tasks,
                                        std::uint64_t seed, std::vector<float> theta) {
  const ThetaLayout layout(config.rule);
  if (!layout.has(ThetaName::kTraitsMean)) return theta;
  const auto mean_at = theta.begin() + layout[ThetaName::kTraitsMean].offset;
  const auto scale_at = theta.begin() + layout[ThetaName::kTraitsScale].offset;
  const bool measured = std::any_of(mean_at, mean_at + kNumTraits, [](float v) { return v != 0; });
  if (measured) return theta;
  const std::vector<Traits> all = traits_of_tasks(config, tasks, seed);
  for (std::size_t t = 0; t < kNumTraits; ++t) {
    double mean = 0, variance = 0;
    for (const Traits& traits : all) mean += traits[t] / kTraitTasks;
    for (const Traits& traits : all) variance += std::pow(traits[t] - mean, 2) / kTraitTasks;
    const double deviation = std::sqrt(variance);
    mean_at[static_cast<std::ptrdiff_t>(t)] = static_cast<float>(mean);
    scale_at[static_cast<std::ptrdiff_t>(t)] =
        deviation < kLeastDeviation ? 0.0f : static_cast<float>(deviation);
  }
  return theta;
}

}  // namespace metaplastic
