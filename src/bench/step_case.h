// What the benchmarks run: one inner step of fixed sizes, its inputs, and a runner of its forward
// pass and its adjoint, in float (timed) or double (the twin that checks it).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/mlp.h"
#include "rule/theta.h"

namespace metaplastic {

struct StepCase {
  std::string name;
  RuleSizes sizes;
  Architecture architecture;
  int B = 0;  // examples in the inner batch
};

// The cases that `metaplastic bench` and bench/compare run.
const std::vector<StepCase>& step_cases();
// One of these, or "gate": the small one whose instructions tests/perf_gate.py counts.
// Throws Error for another name.
const StepCase& find_step_case(std::string_view name);

constexpr float kBenchInnerLr = 0.02f;

// Everything that a step and its adjoint depend on; a function of the case alone.
struct StepInputs {
  std::vector<float> theta;     // [P] random start
  std::vector<float> phi;       // [phi_size] random start
  std::vector<float> x;         // [U_0,B] uniform in [0,1)
  std::vector<float> next_bar;  // [phi_size] standard normal: the bars of the new phi
};
StepInputs make_step_inputs(const StepCase& step_case);

// Runs the step again and again on one tape, without allocation after the first time.
template <class T>
class StepRunner {
 public:
  StepRunner(const StepCase& step_case, const StepInputs& inputs);

  // The step with its tape recorded, as it is before the adjoint.
  void forward();
  // forward(), every bar of the new phi seeded, and the tape run backwards. No recomputation.
  void forward_adjoint();
  // The step without a tape, as apply runs it; the new phi is copied out.
  void apply();

  // The new phi [phi_size]; valid after apply().
  const std::vector<T>& next() const { return next_; }
  // Gradients after forward_adjoint(), copied from the tape.
  std::vector<T> theta_bar();  // [P]
  std::vector<T> phi_bar();    // [phi_size]

 private:
  PhiVars<T> step(bool record);

  const StepCase& case_;
  ThetaLayout layout_;
  std::vector<T> theta_, phi_, x_, next_bar_, next_;
  Tape<T> tape_;
  ThetaVars<T> theta_vars_;
  PhiVars<T> phi_vars_;
};

extern template class StepRunner<float>;
extern template class StepRunner<double>;

}  // namespace metaplastic
