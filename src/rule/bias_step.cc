#include "rule/bias_step.h"

#include "rule/constants.h"
#include "rule/homeostasis.h"

namespace metaplastic {
namespace {

// [1,U], of the readout alone.                                                       [step 6]
template <class T>
Var<T> readout_step(Tape<T>& tape, const RuleSizes& sizes, const Var<T>& bias_out) {
  const Var<T> mean = mean_over_batch(tape, bias_out);  // [1,U]
  const bool free = sizes.has_free_bias();
  if (!sizes.is_local()) {
    return rms_normalise(tape, free ? mean : shift_to_nonnegative_mean(tape, mean), Over::kAll,
                         T(kRule.bias_offset));
  }
  // Each unit by itself: its own value is the mean and the mean square.
  const Var<T> own = free ? mean : map(tape, Unary::kRelu, mean);
  const int U = own.cols();
  return reshape(rms_channels(tape, reshape(own, U, 1, 1), T(kRule.bias_offset)), 1, 1, U);
}

}  // namespace

template <class T>
Var<T> next_bias(Tape<T>& tape, const RuleSizes& sizes, const Var<T>& b, const Var<T>& bias_out,
                 const Var<T>& s, const StepSettings<T>& settings) {
  const T lr = settings.inner_lr * (sizes.is_homeostatic() ? settings.bias_pace : T(1));
  const T reach = T(sizes.has_free_bias() ? kRule.free_bias_reach : 1);
  Var<T> step;
  if (bias_out.data) step = readout_step(tape, sizes, bias_out);
  if (sizes.is_homeostatic()) {
    const Var<T> missing =
        homeostatic_step(tape, s, settings.homeostatic_share, settings.share_leaf);
    step = step.data ? combine(tape, T(1), step, T(1), missing) : missing;
  }
  if (!step.data) return combine(tape, T(1) - lr, b, T(0), b);
  return combine(tape, T(1) - lr, b, -lr * reach, step);
}

#define METAPLASTIC_INSTANTIATE(T)                                                    \
  template Var<T> next_bias(Tape<T>&, const RuleSizes&, const Var<T>&, const Var<T>&, \
                            const Var<T>&, const StepSettings<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
