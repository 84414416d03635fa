// The networks of the compact preset as plain compositions, with every option. inner_step.cc has
// faster ones for compact without options; a test holds the two against each other.
// [docs/method.md, "One inner step of compact"]
#pragma once

#include "rule/layer_step.h"

namespace metaplastic {

template <class T>
RuleNetworks<T> compact_networks();

}  // namespace metaplastic
