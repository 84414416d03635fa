// Homeostasis of a unit (bias_mean = "homeostatic"): its bias moves until most of its activation's
// variance lies above its mean, that is until it is silent for many examples and answers to few.
// What a unit knows of itself is enough; no other unit is asked.
// [docs/method.md, "Homeostasis"; not in the paper. Intrinsic plasticity: Desai et al. 1999,
// Triesch 2005]
#pragma once

#include "tensor/ops.h"

namespace metaplastic {

// s [U,1,B], standardised activations -> [1,U], to be taken away from the bias:
// kRule.homeostatic_gain times what the share of the variance above the mean misses of `share`
// (ViewSettings, StepSettings). 0 for a unit that is the same for all examples. share_leaf:
// StepSettings.
template <class T>
Var<T> homeostatic_step(Tape<T>& tape, const Var<T>& s, T share,
                        const Var<T>* share_leaf = nullptr);

}  // namespace metaplastic
