// The base model with a linear layer on top, trained on nothing but the few labels of a draw.
#pragma once

#include <memory>

#include "apply/apply.h"
#include "eval/method.h"

namespace metaplastic {

// Searched over learning rate and number of steps.
std::unique_ptr<FeatureMethod> supervised_method(const BaseModel& model);

}  // namespace metaplastic
