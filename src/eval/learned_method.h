// The rule as a method of evaluate, and its twin that stays at the random start.
#pragma once

#include <memory>
#include <string>

#include "apply/fit_encoder.h"
#include "eval/method.h"

namespace metaplastic {

// "learned": one training for each of the first num_tunings variants (apply/rule_variant.h) of a
// rule that walks among neighbours, one of another rule. Candidates are the layers at 1/64, 1/16,
// 1/4, 1, 2 and 4 times the inner steps that the rule is evaluated at (or of options.inner_steps:
// then up to once); layers below the last group (fit_encoder.h) are trained once, by the usual
// variant. Where options.layers or the data's default see places, the method has rows of its own.
std::unique_ptr<FeatureMethod> learned_method(Rule rule, const FitOptions& options,
                                              ReadLayers layers);
// "random": layers of the same encoder, from the same seed, before the first inner step.
std::unique_ptr<FeatureMethod> random_method(Rule rule, const FitOptions& options,
                                             ReadLayers layers);

}  // namespace metaplastic
