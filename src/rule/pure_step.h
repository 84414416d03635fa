// One inner step as a pure function of flat arrays, (phi, x, theta) -> phi, with its adjoint. The
// meta-gradient (meta/truncation.h) and Python's meta.step are made of these two.
#pragma once

#include "rule/inner_step.h"

namespace metaplastic {

// What a step takes besides its arrays. Refers to what its owner holds.
template <class T>
struct StepSpec {
  const ThetaLayout& layout;
  const Architecture& architecture;
  StepSettings<T> settings;
};

// An unlabelled batch x [U_0,B], input-major.
template <class T>
struct StepBatch {
  const T* x = nullptr;
  int B = 0;
};

// phi_next [phi_size] may be phi. Cost and memory: inner_step.
template <class T>
void pure_step(Tape<T>& tape, const StepSpec<T>& spec, const T* phi, const StepBatch<T>& batch,
               const T* theta, T* phi_next);

// d loss / d what a step is taken with.
template <class T>
struct StepBar {
  T inner_lr = 0, bias_pace = 0, keep = 0, homeostatic_share = 0;
};

// A step on a tape that records, ready to be run backwards. Its arrays must stay as they are until
// then.
template <class T>
struct RecordedStep {
  PhiVars<T> phi, next;
  ThetaVars<T> theta;
  Var<T> x, share_leaf;           // a constant, absent: not wanted
  std::size_t first_closure = 0;  // of this step, on its tape
};

// Adds the step to the tape. `wants_x`, `wants_settings`: whether x_bar and step_bar are.
template <class T>
RecordedStep<T> record_step(Tape<T>& tape, const StepSpec<T>& spec, const T* phi,
                            const StepBatch<T>& batch, const T* theta, bool wants_x,
                            bool wants_settings);

// Runs the step recorded last backwards. phi_bar [phi_size] comes in as the adjoint of the next
// phi and goes out as that of phi; x_bar [U_0,B], step_bar (nullptr: not wanted) and theta_bar [P]
// are added to.
template <class T>
void recorded_step_vjp(Tape<T>& tape, const StepSpec<T>& spec, const RecordedStep<T>& step,
                       T* phi_bar, T* x_bar, T* theta_bar, StepBar<T>* step_bar);

// Computes the step again and runs it backwards. phi_bar [phi_size] comes in as the adjoint of
// phi_next and goes out as that of phi; x_bar [U_0,B], step_bar (nullptr: not wanted) and theta_bar
// [P] are added to.
template <class T>
void pure_step_vjp(Tape<T>& tape, const StepSpec<T>& spec, const T* phi, const StepBatch<T>& batch,
                   const T* theta, T* phi_bar, T* x_bar, T* theta_bar,
                   StepBar<T>* step_bar = nullptr);

// phi_bar = the bars of the leaves, or += with `accumulate`.
template <class T>
void collect_phi_bar(Tape<T>& tape, const PhiVars<T>& phi, const Architecture& architecture,
                     bool accumulate, T* phi_bar);

}  // namespace metaplastic
