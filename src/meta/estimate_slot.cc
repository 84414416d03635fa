#include "meta/estimate_slot.h"

#include <algorithm>

#include "meta/stack_model.h"

namespace metaplastic {
namespace {

constexpr int kStepsAtATime = 16;  // batches that are held at once

// Brings the first trajectory of a slot to where the config lets it start.
void stagger(const EstimateContext& context, std::span<const float> theta, std::uint64_t task_index,
             Slot& slot, TrajectoryProblem& problem) {
  if (!context.config.inner.staggered_start || slot.generation > 0 || slot.inner_step > 0) return;
  const std::int64_t start = draw_first_step(context.seed, task_index, slot.settings.T);
  for (std::int64_t chunk = 0; slot.inner_step < start; ++chunk) {
    const auto K = static_cast<int>(std::min<std::int64_t>(kStepsAtATime, start - slot.inner_step));
    problem.advance({slot.inner_step, -2 - chunk, K}, theta, slot.phi);
    slot.inner_step += K;
  }
}

}  // namespace

SlotEstimate estimate_slot(const EstimateContext& context, std::span<const float> theta,
                           std::int64_t outer_step, int slot_index, Slot& slot,
                           TrajectoryWorkspace& workspace, std::span<float> gradient) {
  const auto& [config, layout, tasks, estimator, seed] = context;
  SlotEstimate made;
  made.task_index = slot_task_index(slot, slot_index, config.outer.outer_batch);
  if (slot.settings.below && slot.task->windows()) {  // its trajectory starts
    constexpr std::uint32_t kBelow = 1;
    learn_below(config, theta, slot.settings,
                Random(seed, Purpose::kPhiInit, made.task_index, kBelow), *slot.task,
                workspace.data, workspace.truncation.tape);
  }
  TrajectoryProblem problem(config, layout, seed, made.task_index, slot, workspace);
  stagger(context, theta, made.task_index, slot, problem);
  const std::int64_t before = slot.inner_step;
  made.result = estimator.estimate(problem, theta, seed, slot, gradient);
  made.inner_step = slot.inner_step;
  made.inner_steps = slot.inner_step - before;
  if (!made.result.finite || slot.inner_step >= slot.settings.T) {
    ++slot.generation;
    open_slot(config, tasks, seed, slot_index, outer_step + 1, slot);
  }
  return made;
}

}  // namespace metaplastic
