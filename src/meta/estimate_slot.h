// One truncation of a trajectory in flight, wherever it is made: in a worker's thread, or by a call
// from Python on another machine.
#pragma once

#include <cstdint>
#include <span>

#include "meta/gradient_estimator.h"
#include "meta/trajectory.h"

namespace metaplastic {

// What all estimates of a run have in common; refers to what its owner holds.
struct EstimateContext {
  const MetaConfig& config;
  const ThetaLayout& layout;
  const TaskDistribution& tasks;
  const GradientEstimator& estimator;
  std::uint64_t seed = 0;
};

struct SlotEstimate {
  TruncationResult result;
  std::uint64_t task_index = 0;
  std::int64_t inner_step = 0;   // where the trajectory stands
  std::int64_t inner_steps = 0;  // done in this estimate
};

// Overwrites gradient [P] by the estimate at theta [P], and moves the slot on. Where its trajectory
// ends, or the result is not finite, the slot's next one starts. outer_step: updates of theta so
// far. The slot has its task (open_slot, reopen_slot).
SlotEstimate estimate_slot(const EstimateContext& context, std::span<const float> theta,
                           std::int64_t outer_step, int slot_index, Slot& slot,
                           TrajectoryWorkspace& workspace, std::span<float> gradient);

}  // namespace metaplastic
