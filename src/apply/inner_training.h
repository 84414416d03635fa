// A training by a rule: phi, what is read out, and one inner step of both.
#pragma once

#include <span>
#include <utility>

#include "apply/apply.h"
#include "apply/input_order.h"
#include "base/thread_pool.h"
#include "rule/convert_theta.h"
#include "rule/inner_step.h"

namespace metaplastic {

class InnerTraining {
 public:
  // Keeps references to rule, architecture and options. `threads` may be null.
  InnerTraining(const Rule& rule, const Architecture& architecture, const ApplyOptions& options,
                double homeostatic_share, ThreadPool* threads);

  // What options.start began with counts too; phi and mean are in the order of the data's inputs.
  const InnerState& state() const { return state_; }
  InnerState take_state() { return std::move(state_); }
  // On a batch [U_0,B], or [U_0,2B] of a rule of two views. Throws Error for a phi that is not
  // finite; `step` = 1.. is its number in the line.
  void take_step(std::span<const float> batch, int step);

 private:
  const Rule& rule_;
  const Architecture& architecture_;
  const ApplyOptions& options_;
  UsedPart used_;
  InnerState state_;
  InputOrder order_;
  StepSettings<float> settings_;
  Tape<float> tape_;
};

}  // namespace metaplastic
