// Small operations that only the released rule has: its statistics of weights, its way to take away
// what shrinks them, values repeated over the examples.   [released code: more_local_weight_update]
#pragma once

#include "tensor/tape.h"

namespace metaplastic {

// [U,8]: mean |w|, rms, mean and deviation of a unit's incoming column of W_in [U_lo,U] and of its
// outgoing row of W_out [U,U_up]; the one that is missing (null) repeats the other.
// rms = sqrt(mean w^2 + rms_eps), deviation = sqrt(variance + deviation_eps).
template <class T>
Var<T> weight_moments(Tape<T>& tape, const Var<T>* w_in, const Var<T>* w_out, T rms_eps,
                      T deviation_eps);
// step - w relu(mean over the whole matrix of step w).
template <class T>
Var<T> remove_shrinking_whole(Tape<T>& tape, const Var<T>& step, const Var<T>& w);
// x + factor s, s a single number.
template <class T>
Var<T> add_scalar(Tape<T>& tape, const Var<T>& x, const Var<T>& s, T factor);
// v [U,n] -> [U,n,B], the same for every example.
template <class T>
Var<T> repeat_over_examples(Tape<T>& tape, const Var<T>& v, int B);

}  // namespace metaplastic
