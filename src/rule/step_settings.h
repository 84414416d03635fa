// How an inner step is taken, beside theta and the batch.
#pragma once

#include "neighbours/constants.h"
#include "tensor/tape.h"

namespace metaplastic {

template <class T>
struct StepSettings {
  T inner_lr = 0;
  // bias_mean "homeostatic": what units aim at. What fits a data set says
  // NeighbourPool::homeostatic_share.
  T homeostatic_share = T(kNeighbourhood.homeostatic_share);
  // bias_mean "homeostatic": times kRule.homeostatic_pace.
  T bias_pace = 1;
  // A leaf [1,1] of value 0 whose bar becomes d loss / d homeostatic_share; null: not wanted.
  const Var<T>* share_leaf = nullptr;
};

}  // namespace metaplastic
