// How an inner step is taken, beside theta and the batch.
#pragma once

#include "neighbours/constants.h"
#include "rule/constants.h"
#include "tensor/tape.h"

namespace metaplastic {

template <class T>
struct StepSettings {
  T inner_lr = 0;
  // bias_mean "homeostatic": what units aim at. What fits a data set says
  // ViewSettings.
  T homeostatic_share = T(kNeighbourhood.homeostatic_share);
  // bias_mean "homeostatic": the share of the inner step size at which biases move.
  T bias_pace = T(kRule.homeostatic_pace);
  T keep = T(kRule.keep);  // W_step - keep w
  // A leaf [1,1] of value 0 whose bar becomes d loss / d homeostatic_share; null: not wanted.
  const Var<T>* share_leaf = nullptr;
};

}  // namespace metaplastic
