#include "rule/homeostasis.h"

#include <span>

#include "rule/constants.h"

namespace metaplastic {

template <class T>
Var<T> homeostatic_step(Tape<T>& tape, const Var<T>& s, T share, const Var<T>* share_leaf) {
  const Var<T> above = map(tape, Unary::kRelu, s);
  // The mean of s^2 is 1, or 0 for a constant unit, whose bias no rule should push on.
  constexpr T gain = T(kRule.homeostatic_gain);
  const Var<T> square = multiply(tape, s, s);
  Var<T> missing = combine(tape, gain * share, square, -gain, multiply(tape, above, above));
  if (share_leaf) {
    missing = combine(tape, T(1), missing, T(1),
                      mix(tape, std::span<const Var<T>>(&square, 1), *share_leaf, gain));
  }
  return mean_over_batch(tape, missing);
}

template Var<float> homeostatic_step(Tape<float>&, const Var<float>&, float, const Var<float>*);
template Var<double> homeostatic_step(Tape<double>&, const Var<double>&, double,
                                      const Var<double>*);

}  // namespace metaplastic
