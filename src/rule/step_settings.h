// How an inner step is taken, beside theta and the batch.
#pragma once

#include "neighbours/constants.h"

namespace metaplastic {

template <class T>
struct StepSettings {
  T inner_lr = 0;
  // bias_mean "homeostatic": what units aim at. What fits a data set says
  // NeighbourPool::homeostatic_share.
  T homeostatic_share = T(kNeighbourhood.homeostatic_share);
};

}  // namespace metaplastic
