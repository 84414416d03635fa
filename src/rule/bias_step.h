// What an inner step does to the biases of a layer, for every preset and every option.
// [docs/method.md steps 6 and 7, "Homeostasis"]
#pragma once

#include "rule/rule_sizes.h"
#include "rule/step_settings.h"
#include "tensor/ops.h"

namespace metaplastic {

// b [1,U] after an inner step. bias_out [U,1,B] is the readout of the layer's hidden state, absent
// where it would be 0; s [U,1,B] are its standardised activations.
template <class T>
Var<T> next_bias(Tape<T>& tape, const RuleSizes& sizes, const Var<T>& b, const Var<T>& bias_out,
                 const Var<T>& s, const StepSettings<T>& settings);

}  // namespace metaplastic
