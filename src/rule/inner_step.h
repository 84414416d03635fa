// One inner step, of every preset and option: phi, an unlabelled batch -> new phi. No loss, no
// label. The parts: networks.h (what a preset is), weight_step.h with terms.h, bias_step.h.
// [paper: section 3.2; docs/method.md, "One inner step"]
#pragma once

#include "model/mlp.h"
#include "rule/step_settings.h"
#include "rule/theta.h"

namespace metaplastic {

// The new phi, not yet copied out of the tape.
// x [U_0,1,B]. Cost: docs/performance.md. Memory: the tape's arena, no allocation.
template <class T>
PhiVars<T> inner_step(Tape<T>& tape, const ThetaVars<T>& theta, const PhiVars<T>& phi,
                      Unary activation, const Var<T>& x, const StepSettings<T>& settings);

// Copies phi on a tape into a flat phi.
template <class T>
void copy_phi(const PhiVars<T>& vars, const Architecture& architecture, T* phi);

}  // namespace metaplastic
