// Convolutional base models of meta-training: a conv layer that learns from windows of a task's
// images or signals, judged by its answers pooled over a grid of places.
#pragma once

#include <optional>

#include "meta/meta_config.h"
#include "tasks/task.h"

namespace metaplastic {

// With probability inner.conv_share the task's examples become windows, and the architecture one
// layer of min_features to max_features units over them. A function of (config, seed, task_index);
// nothing for tasks without places.
void draw_conv_model(const MetaConfig& config, std::uint64_t seed, std::uint64_t task_index,
                     Task& task, Architecture& architecture);

// The same as validation.conv says, for a held-out task: its turn-th entry of the task's dimension.
// False where there is none.
bool use_conv_model(const ValidationConfig& config, std::size_t turn, Task& task,
                    Architecture& architecture);

// Throws Error for an entry that is not a conv layer and a pool with a grid.
void check_conv_models(const MetaConfig& config);

}  // namespace metaplastic
