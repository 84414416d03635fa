// What a neuron is told of the second view of an example (neighbours/views.h): the part of the
// other view's activation that its own does not predict. [docs/method.md, "Two views"; not in the
// paper]
#pragma once

#include "tensor/ops.h"

namespace metaplastic {

// [U,1,B] each, of a layer with standardised activations s [U,1,B], B even.
template <class T>
struct ViewSignals {
  Var<T> surprise;  // the partner's activation, less what the own one predicts of it
  Var<T> shared;    // what other units have in common with this one, likewise
};
// Which other units `shared` is about: the partner's, or those that see what the unit sees. Walks
// lead far: what two of their ends have in common fades as fast as what a unit should keep of it.
enum class OtherUnits { kPartner, kOwn };
// Which of the two are wanted; the other one is left absent.
struct WantedSignals {
  bool surprise = true, shared = true;
};
// Cost of shared: 2 products of U U B, or of U B B where U > 8 B.
template <class T>
ViewSignals<T> view_signals(Tape<T>& tape, const Var<T>& s, OtherUnits others,
                            WantedSignals wanted = {});

}  // namespace metaplastic
