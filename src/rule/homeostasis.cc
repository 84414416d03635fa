#include "rule/homeostasis.h"

#include "rule/constants.h"

namespace metaplastic {

template <class T>
Var<T> homeostatic_step(Tape<T>& tape, const Var<T>& s, T share) {
  const Var<T> above = map(tape, Unary::kRelu, s);
  // The mean of s^2 is 1, or 0 for a constant unit, whose bias no rule should push on.
  constexpr T gain = T(kRule.homeostatic_gain);
  return mean_over_batch(
      tape, combine(tape, gain * share, multiply(tape, s, s), -gain, multiply(tape, above, above)));
}

template Var<float> homeostatic_step(Tape<float>&, const Var<float>&, float);
template Var<double> homeostatic_step(Tape<double>&, const Var<double>&, double);

}  // namespace metaplastic
