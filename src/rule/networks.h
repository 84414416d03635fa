// What a preset of the rule is: its two networks. inner_step.cc does the rest for every preset.
// [paper: section 3.2; docs/method.md, "One inner step"]
#pragma once

#include "model/mlp.h"
#include "rule/theta.h"
#include "rule/view_signals.h"
#include "tensor/conv.h"

namespace metaplastic {

// What the hidden network of layer l reads.
template <class T>
struct LayerInputs {
  Var<T> x, z;                              // [U,1,B]
  Var<T> delta;                             // [U,D,B]
  const Var<T>* b = nullptr;                // [1,U]; null for the input
  const Var<T>* W_in = nullptr;             // [U_lo,U]; null for the input
  const Var<T>* W_out = nullptr;            // [U,U_up]; null for the top layer
  const ViewSignals<T>* signals = nullptr;  // null for a rule of one view
};

template <class T>
struct RuleNetworks {
  // delta^L [U,D,B] from the top activations x and the standardised ones s, [U,1,B] each.
  Var<T> (*top_down)(Tape<T>&, const ThetaVars<T>&, const Var<T>& x, const Var<T>& s);
  // h [U,C,B] of one layer.
  Feed<T> (*hidden_state)(Tape<T>&, const ThetaVars<T>&, const LayerInputs<T>&);
};

// The small architecture of this project: compact.cc.
template <class T>
RuleNetworks<T> compact_networks();
// The architecture that the paper's authors released: metz2019.cc.
// [released code: more_local_weight_update; docs/method.md, "metz2019"]
template <class T>
RuleNetworks<T> metz2019_networks();

}  // namespace metaplastic
