// What traits of tasks are like in meta-training: the scale on which a conditional rule reads them.
#pragma once

#include <cstdint>
#include <vector>

#include "meta/meta_config.h"
#include "tasks/task.h"

namespace metaplastic {

// theta with traits_mean and traits_scale of kTraitTasks tasks of meta-training; as it is where it
// has none, or has them already. A function of its arguments alone. Cost: as many pools of
// neighbours.
inline constexpr int kTraitTasks = 64;
std::vector<float> with_measured_traits(const MetaConfig& config, const TaskDistribution& tasks,
                                        std::uint64_t seed, std::vector<float> theta);

}  // namespace metaplastic
