// The inner step layer by layer, for every preset and option: what the networks of a preset make of
// a layer becomes readouts, steps of weights and biases, and the signal for the layer below.
// [paper: section 3.2; docs/method.md, "One inner step"]
#pragma once

#include "model/mlp.h"
#include "rule/step_settings.h"
#include "rule/theta.h"
#include "tensor/conv.h"

namespace metaplastic {

// What the hidden network of layer l reads.
template <class T>
struct LayerInputs {
  Var<T> x, z;                    // [U,1,B]
  Var<T> delta;                   // [U,D,B]
  const Var<T>* b = nullptr;      // [1,U]; null for the input
  const Var<T>* W_in = nullptr;   // [U_lo,U]; null for the input
  const Var<T>* W_out = nullptr;  // [U,U_up]; null for the top layer
};

// Of layer l = 0..L; the result points into phi.
template <class T>
LayerInputs<T> layer_inputs(const PhiVars<T>& phi, const Activations<T>& act, const Var<T>& delta,
                            int l) {
  const auto at = static_cast<std::size_t>(l);
  LayerInputs<T> inputs;
  inputs.x = act.x[at], inputs.z = act.z[at], inputs.delta = delta;
  if (l > 0) inputs.b = &phi.b[at], inputs.W_in = &phi.W[at];
  if (l < phi.num_layers) inputs.W_out = &phi.W[at + 1];
  return inputs;
}

// The two networks of a preset.
template <class T>
struct RuleNetworks {
  // delta^L [U,D,B] from the top activations [U,1,B].
  Var<T> (*top_down)(Tape<T>&, const ThetaVars<T>&, const Var<T>&);
  // h [U,C,B] of one layer.
  Feed<T> (*hidden_state)(Tape<T>&, const ThetaVars<T>&, const LayerInputs<T>&);
};

// The new phi, not yet copied out of the tape.
template <class T>
PhiVars<T> layered_step(Tape<T>& tape, const ThetaVars<T>& theta, const RuleNetworks<T>& networks,
                        const PhiVars<T>& phi, const Activations<T>& act,
                        const StepSettings<T>& settings);

}  // namespace metaplastic
