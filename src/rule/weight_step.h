// What an inner step does to weights: the mix of the terms, normalised.
// [docs/method.md step 5]
#pragma once

#include "rule/terms.h"
#include "rule/theta.h"

namespace metaplastic {

// W_step [U_lo,U_up] of W, or of V by readouts and a mix of its own, before the inner step size.
// mix [1,n] of the layout's terms; mix_bias may be null. keep: StepSettings.
template <class T>
Var<T> weight_step(Tape<T>& tape, const ThetaLayout& layout, const Var<T>& W, const Side<T>& up,
                   const Side<T>& lo, const Var<T>& mix_weights, const Var<T>* mix_bias, T keep);

}  // namespace metaplastic
