// The networks of the metz2019 preset: the architecture that the paper's authors released.
// [released code: more_local_weight_update; docs/method.md, "metz2019"]
#pragma once

#include "rule/layer_step.h"

namespace metaplastic {

template <class T>
RuleNetworks<T> metz2019_networks();

}  // namespace metaplastic
