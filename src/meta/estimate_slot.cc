#include "meta/estimate_slot.h"

namespace metaplastic {

SlotEstimate estimate_slot(const EstimateContext& context, std::span<const float> theta,
                           std::int64_t outer_step, int slot_index, Slot& slot,
                           TrajectoryWorkspace& workspace, std::span<float> gradient) {
  const auto& [config, layout, tasks, estimator, seed] = context;
  SlotEstimate made;
  made.task_index = slot_task_index(slot, slot_index, config.outer.outer_batch);
  const std::int64_t before = slot.inner_step;
  TrajectoryProblem problem(config, layout, seed, made.task_index, *slot.task, slot.shape,
                            workspace);
  made.result = estimator.estimate(problem, theta, seed, slot, gradient);
  made.inner_step = slot.inner_step;
  made.inner_steps = slot.inner_step - before;
  if (!made.result.finite || slot.inner_step >= slot.shape.T) {
    ++slot.generation;
    open_slot(config, tasks, seed, slot_index, outer_step + 1, slot);
  }
  return made;
}

}  // namespace metaplastic
