// A contrastive method (SimCLR, Chen et al. 2020) with the base model as encoder.
#pragma once

#include <memory>

#include "apply/apply.h"
#include "eval/learned_method.h"
#include "eval/method.h"

namespace metaplastic {

// Two views of each row of a batch, projected by a hidden layer and a linear one, have to find each
// other; the layers of the base model, not the projection, are read out. Two views cost two
// examples, so half of num_steps are made. Searched over learning rate, width of the projection
// and temperature.
std::unique_ptr<FeatureMethod> contrastive_method(const BaseModel& model, ReadLayers layers,
                                                  int num_steps);

}  // namespace metaplastic
