// Label spreading on the features that the rule learned.            [Zhou et al. 2004]
#pragma once

#include <memory>

#include "eval/learned_method.h"

namespace metaplastic {

// "label-spreading": layers of up to 512 features of the last state of `learned`, with one
// training; searched over alpha. The unlabelled rows of the graph are the other rows of the draws.
std::unique_ptr<FeatureMethod> spreading_method(Rule rule, const FitOptions& options,
                                                ReadLayers layers);

}  // namespace metaplastic
