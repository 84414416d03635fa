// The networks of the compact preset. A rule with locality = "neuron" has no statistics over units.
// [docs/method.md, "One inner step of compact"]
#include <cmath>

#include "rule/constants.h"
#include "rule/networks.h"

namespace metaplastic {
namespace compact {  // each preset has the networks of the paper
namespace {

template <class T>
bool is_local(const ThetaVars<T>& theta) {
  return theta.layout->sizes().is_local();
}

// relu(norm(y)) per unit, over its channels and examples: what a neuron can do by itself.
template <class T>
Var<T> normed_per_unit(Tape<T>& tape, const Var<T>& y) {
  const Var<T> flat = reshape(y, y.units(), 1, y.channels() * y.examples());
  const Var<T> n = map(tape, Unary::kRelu, standardise(tape, flat, T(kRule.norm_eps)));
  return reshape(n, y.units(), y.channels(), y.examples());
}

// relu(norm(linear(x))).
template <class T>
Feed<T> normed(Tape<T>& tape, bool local, const Feed<T>& x, const Var<T>& a,
               const LinearExtras<T>& extras) {
  if (local) return {normed_per_unit(tape, linear(tape, x, a, extras))};
  return linear_norm_relu(tape, x, a, extras, T(kRule.norm_eps));
}

// The same with its moments.
template <class T>
struct WithMoments {
  Feed<T> n;          // [U,C,B]
  Var<T> over_batch;  // [U,2C]
  Var<T> over_units;  // [1,2C,B]; absent of a local rule
};

template <class T>
WithMoments<T> normed_with_moments(Tape<T>& tape, bool local, const Feed<T>& x, const Var<T>& a,
                                   const LinearExtras<T>& extras) {
  const T moments_eps = T(kRule.moments_eps);
  if (local) {
    const Var<T> n = normed_per_unit(tape, linear(tape, x, a, extras));
    return {{n}, moments_over_batch(tape, n, moments_eps), {}};
  }
  const NormedBatch<T> batch =
      linear_norm_relu_moments(tape, x, a, extras, T(kRule.norm_eps), moments_eps);
  return {batch.n, batch.over_batch, batch.over_units};
}

// off(corr(s, s)) s / sqrt(U): what the other units of the layer make of a unit. [U,1,B]
template <class T>
Var<T> from_other_units(Tape<T>& tape, const Var<T>& s) {
  const T U = T(s.units());
  const Var<T> corr = symmetric_product(tape, s, s, T(1) / (T(2) * T(s.examples()) * std::sqrt(U)));
  return matmul(tape, corr, false, s, false);
}

// delta^L [U,D,B].                                                                   [step 2]
template <class T>
Var<T> top_down(Tape<T>& tape, const ThetaVars<T>& theta, const Var<T>&, const Var<T>& s) {
  const bool local = is_local(theta);
  const Var<T> mixed = local ? Var<T>{} : from_other_units(tape, s);
  const Var<T>& top_in = theta[ThetaName::kTopIn];
  // The per-unit statistics are taken of the linear map itself, so it is computed first without
  // them.
  const Var<T> y = local ? linear(tape, {s}, top_in) : linear(tape, {s, mixed}, top_in);  // [U,C,B]
  const Var<T> unit = matmul(tape, moments_over_batch(tape, y, T(kRule.moments_eps)), false,
                             theta[ThetaName::kTopUnit], false);  // [U,C]
  LinearExtras<T> shifted, per_example, biased;
  shifted.unit_offset = &unit;
  const Feed<T> in = local ? Feed<T>{s} : Feed<T>{s, mixed};
  const WithMoments<T> n1 = normed_with_moments(tape, local, in, top_in, shifted);
  Var<T> example;
  if (!local) {
    example = linear(tape, {n1.over_units}, theta[ThetaName::kTopExample]);  // [1,C,B]
    per_example.example_offset = &example;
  }
  const Feed<T> n2 = normed(tape, local, n1.n, theta[ThetaName::kTopMix], per_example);
  biased.bias = &theta[ThetaName::kTopOutBias];
  return linear(tape, n2, theta[ThetaName::kTopOut], biased);
}

// Statistics of a unit's weights, normed over the layer or by themselves: [U,4].
template <class T>
Var<T> statistics(Tape<T>& tape, bool local, const LayerInputs<T>& in) {
  const Var<T> raw = weight_statistics(tape, in.W_in, in.W_out, T(kRule.column_eps));
  if (!local) return rms_normalise(tape, raw, Over::kAll, T(kRule.statistics_eps));
  const Var<T> own = reshape(raw, raw.rows(), raw.cols(), 1);
  return reshape(rms_channels(tape, own, T(kRule.statistics_eps)), raw.rows(), 1, raw.cols());
}

// What bias and weight statistics add to every example of a unit: [U,C].
template <class T>
Var<T> unit_offset(Tape<T>& tape, const ThetaVars<T>& theta, const LayerInputs<T>& in) {
  const Var<T> unit = matmul(tape, statistics(tape, is_local(theta), in), false,
                             theta[ThetaName::kHiddenStats], false);
  if (!in.b) return unit;
  const Var<T> column = reshape(*in.b, in.x.units(), 1, 1);
  return combine(tape, T(1), unit, T(1),
                 matmul(tape, column, false, theta[ThetaName::kHiddenBiasIn], false));
}

// h [U,C,B] of one layer.                                                            [step 3]
template <class T>
Feed<T> hidden_state(Tape<T>& tape, const ThetaVars<T>& theta, const LayerInputs<T>& in) {
  const bool local = is_local(theta);
  const Var<T> unit = unit_offset(tape, theta, in);
  LinearExtras<T> offset;
  offset.unit_offset = &unit;
  const Feed<T> inputs =
      in.signals ? Feed<T>{in.x, in.z, in.delta, in.signals->surprise, in.signals->shared}
                 : Feed<T>{in.x, in.z, in.delta};
  const WithMoments<T> n1 =
      normed_with_moments(tape, local, inputs, theta[ThetaName::kHiddenIn], offset);

  // m hidden_mix with m = n1 + (per unit) + (per example): the two offsets are mapped by
  // themselves.
  const Var<T>& mix = theta[ThetaName::kHiddenMix];
  const Var<T> of_unit =
      matmul(tape, n1.over_batch, false, theta[ThetaName::kHiddenUnit], false);  // [U,C]
  const Var<T> unit_mixed = matmul(tape, of_unit, false, mix, false);
  LinearExtras<T> offsets;
  offsets.unit_offset = &unit_mixed;
  Var<T> example_mixed;
  if (!local) {
    const Var<T> of_example =
        linear(tape, {n1.over_units}, theta[ThetaName::kHiddenExample]);  // [1,C,B]
    example_mixed = linear(tape, {of_example}, mix);
    offsets.example_offset = &example_mixed;
  }
  return normed(tape, local, n1.n, mix, offsets);
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
