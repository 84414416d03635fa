#include "rule/compact.h"

#include <cmath>

#include "rule/constants.h"
#include "tensor/ops.h"

namespace metaplastic {
namespace compact {  // each rule has the networks of the paper
namespace {

// relu(norm(y)): per channel over units and examples, or per unit over channels and examples.
template <class T>
Var<T> normed(Tape<T>& tape, const Var<T>& y, bool local) {
  if (!local) return norm_relu(tape, y, T(kRule.norm_eps));
  const Var<T> flat = reshape(y, y.units(), 1, y.channels() * y.examples());
  const Var<T> n = map(tape, Unary::kRelu, standardise(tape, flat, T(kRule.norm_eps)));
  return reshape(n, y.units(), y.channels(), y.examples());
}

// delta^L [U,D,B]. A local rule has no q and no statistics over units.           [step 2]
template <class T>
Var<T> top_down(Tape<T>& tape, const ThetaVars<T>& theta, const Var<T>& x) {
  const bool local = theta.layout->sizes().is_local();
  const Var<T> s = standardise(tape, x, T(kRule.standardise_eps));
  Var<T> q = s;
  if (!local) {
    const Var<T> corr = matmul(tape, s, false, s, true, T(1) / T(s.examples()));  // [U,U]
    q = matmul(tape, off_diagonal(tape, corr, T(1) / std::sqrt(T(s.units()))), false, s, false);
  }
  const auto map_in = [&](const LinearExtras<T>& extras) {
    const Var<T>& a = theta[ThetaName::kTopIn];
    return local ? linear(tape, {s}, a, extras) : linear(tape, {s, q}, a, extras);
  };
  const Var<T> y = map_in({});
  const Var<T> unit = matmul(tape, moments_over_batch(tape, y, T(kRule.moments_eps)), false,
                             theta[ThetaName::kTopUnit], false);  // [U,C]
  LinearExtras<T> per_unit, per_example, biased;
  per_unit.unit_offset = &unit;
  const Var<T> n1 = normed(tape, map_in(per_unit), local);
  Var<T> example;
  if (!local) {
    example = linear(tape, {moments_over_units(tape, n1, T(kRule.moments_eps))},
                     theta[ThetaName::kTopExample]);  // [1,C,B]
    per_example.example_offset = &example;
  }
  const Var<T> n2 = normed(tape, linear(tape, {n1}, theta[ThetaName::kTopMix], per_example), local);
  biased.bias = &theta[ThetaName::kTopOutBias];
  return linear(tape, {n2}, theta[ThetaName::kTopOut], biased);
}

// What bias and weight statistics add to every example of a unit: [U,C].
template <class T>
Var<T> unit_offset(Tape<T>& tape, const ThetaVars<T>& theta, const LayerInputs<T>& in) {
  Var<T> J = weight_statistics(tape, in.W_in, in.W_out, T(kRule.column_eps));  // [U,4]
  if (theta.layout->sizes().is_local()) {
    const Var<T> own = reshape(J, J.rows(), J.cols(), 1);
    J = reshape(rms_channels(tape, own, T(kRule.statistics_eps)), J.rows(), 1, J.cols());
  } else {
    J = rms_normalise(tape, J, Over::kAll, T(kRule.statistics_eps));
  }
  const Var<T> of_statistics = matmul(tape, J, false, theta[ThetaName::kHiddenStats], false);
  if (!in.b) return of_statistics;
  const Var<T> column = reshape(*in.b, in.x.units(), 1, 1);
  return combine(tape, T(1), of_statistics, T(1),
                 matmul(tape, column, false, theta[ThetaName::kHiddenBiasIn], false));
}

// h [U,C,B] of one layer. A local rule has no statistics over units.             [step 3]
template <class T>
Feed<T> hidden_state(Tape<T>& tape, const ThetaVars<T>& theta, const LayerInputs<T>& in) {
  const bool local = theta.layout->sizes().is_local();
  const Var<T> unit = unit_offset(tape, theta, in);
  LinearExtras<T> extras;
  extras.unit_offset = &unit;
  const Var<T> n1 = normed(
      tape, linear(tape, {in.x, in.z, in.delta}, theta[ThetaName::kHiddenIn], extras), local);
  // m hidden_mix with m = n1 + (per unit) + (per example): the offsets are mapped by themselves.
  const Var<T>& mix = theta[ThetaName::kHiddenMix];
  const Var<T> of_unit = matmul(tape,
                                matmul(tape, moments_over_batch(tape, n1, T(kRule.moments_eps)),
                                       false, theta[ThetaName::kHiddenUnit], false),
                                false, mix, false);  // [U,C]
  LinearExtras<T> offsets;
  offsets.unit_offset = &of_unit;
  Var<T> of_example;
  if (!local) {
    of_example = linear(tape,
                        {linear(tape, {moments_over_units(tape, n1, T(kRule.moments_eps))},
                                theta[ThetaName::kHiddenExample])},
                        mix);  // [1,C,B]
    offsets.example_offset = &of_example;
  }
  return {normed(tape, linear(tape, {n1}, mix, offsets), local)};
}

}  // namespace
}  // namespace compact

template <class T>
RuleNetworks<T> compact_networks() {
  return {&compact::top_down<T>, &compact::hidden_state<T>};
}

template RuleNetworks<float> compact_networks();
template RuleNetworks<double> compact_networks();

}  // namespace metaplastic
