// Two ways to learn from the labels of other classes (other_classes.h), both with the base model.
#pragma once

#include <memory>
#include <span>

#include "apply/apply.h"
#include "eval/learned_method.h"
#include "eval/method.h"

namespace metaplastic {

// "transfer": a classifier of all other classes together; its layers are read out by the probe.
std::unique_ptr<FeatureMethod> transfer_method(const BaseModel& model, ReadLayers layers,
                                               int num_steps);
// "prototypical": episodes of ten classes; the classes of a draw are told apart by the nearest mean
// of its embedded support, as in training.                                [Snell et al. 2017]
std::unique_ptr<FeatureMethod> prototypical_method(const BaseModel& model, int num_steps);

// Predicts for each query [m,k] the class whose mean over the support [n,k] is nearest.
void classify_by_mean(std::span<const float> support, std::span<const int> labels, int num_classes,
                      std::span<const float> query, std::span<int> predicted);

}  // namespace metaplastic
