// The weight step composed term by term, for every preset and every option.
// compact without options has a faster one of its own (weight_step.h), which must equal this.
// [rule-spec "Weight step"; docs/method.md]
#pragma once

#include "rule/weight_step.h"

namespace metaplastic {

// What one layer gives to the steps of the weights on either side of it.
template <class T>
struct LayerReads {
  Var<T> s;         // [U,1,B] standardised activations
  Var<T> readouts;  // [U,n,B] merged readouts of h
  int up = 0;       // channel of up0, where the layer is the upper one of a weight
  int low = 0;      // channel of lo0, where it is the lower one
};

// The names of theta's mix in its order: all twelve terms, or the local ones.
std::vector<std::string_view> term_names(const ThetaLayout& layout);

// W_step [U_lo,U_up] of W, or of V by readouts and a mix of its own. mix_bias may be null.
template <class T>
Var<T> composed_weight_step(Tape<T>& tape, const ThetaLayout& layout, const Var<T>& W,
                            const LayerReads<T>& up, const LayerReads<T>& lo,
                            const Var<T>& mix_weights, const Var<T>* mix_bias);

}  // namespace metaplastic
