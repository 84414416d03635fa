// Convolutional base models of meta-training: a conv layer that learns from windows of a task's
// images or signals, judged by its answers pooled over a grid of places.
#pragma once

#include "meta/meta_config.h"
#include "meta/trajectory.h"
#include "tasks/task.h"

namespace metaplastic {

// With probability inner.conv_share the task's examples become windows, and the architecture one
// layer of min_features to max_features units over them; or with probability inner.stack_share that
// layer is below, and the dense layers drawn before stand on its pooled answers. A function of
// (config, seed, task_index); nothing for tasks without places.
void draw_conv_model(const MetaConfig& config, std::uint64_t seed, std::uint64_t task_index,
                     Task& task, TrajectorySettings& settings);

// The same as validation.conv says, for a held-out task: its turn-th entry of the task's dimension.
// stacked: below the dense layers. Nothing where there is none.
void use_conv_model(const ValidationConfig& config, std::size_t turn, bool stacked, Task& task,
                    TrajectorySettings& settings);

// Throws Error for an entry that is not a conv layer and a pool with a grid.
void check_conv_models(const MetaConfig& config);

}  // namespace metaplastic
