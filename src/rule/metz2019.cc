// The networks of the metz2019 preset.   [released code: more_local_weight_update;
// docs/method.md, "metz2019"]
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "rule/constants.h"
#include "rule/networks.h"
#include "tensor/released.h"

namespace metaplastic {
namespace metz2019 {  // each preset has the networks of the paper
namespace {

template <class T>
NormOver norm_over(const ThetaVars<T>& theta) {
  return theta.layout->sizes().is_local() ? NormOver::kUnit : NormOver::kLayer;
}

// Convolution with the matrix of that name, norm with its offset, and ReLU.
template <class T>
Normed<T> block(Tape<T>& tape, const ThetaVars<T>& theta, Axis axis, const Feed<T>& x,
                ThetaName name) {
  return conv_norm_relu(tape, axis, x, theta[name], theta[offset_of(name)], T(kReleased.norm_eps),
                        norm_over(theta));
}

// delta^L [U,D,B] from the top activations x [U,1,B].                              [step 2]
//
//   per unit, over the examples: 5 taps to C channels
//   units as channels:           two mixing layers of 3 taps
//   per unit again:              two layers of 3 taps, then 3 taps to D, with a bias
//
// each but the last with norm and ReLU; in the mixing layers that norm is per unit.
template <class T>
Var<T> top_down(Tape<T>& tape, const ThetaVars<T>& theta, const Var<T>& x, const Var<T>&) {
  const RuleSizes& sizes = theta.layout->sizes();
  const auto per_unit = [&](const Feed<T>& from, ThetaName name) {
    return block(tape, theta, Axis::kExamples, from, name);
  };
  Normed<T> n = per_unit({x}, ThetaName::kTopConvIn);
  if (sizes.is_local()) {
    n = per_unit(n, ThetaName::kTopConv1);
  } else {
    METAPLASTIC_CHECK(x.units() == sizes.top_units);          // users: require_top_units
    const Var<T> swapped = swap_units_and_channels(tape, n);  // [C,U,B]
    n = per_unit({swapped}, ThetaName::kTopMix1);
    n = per_unit(n, ThetaName::kTopMix2);
    const Var<T> back = swap_units_and_channels(tape, n);  // [U,C,B]
    n = per_unit({back}, ThetaName::kTopConv1);
  }
  n = per_unit(n, ThetaName::kTopConv2);
  return conv(tape, Axis::kExamples, {n}, theta[ThetaName::kTopOut], theta[ThetaName::kTopOutBias]);
}

// Sine and cosine of an angle that runs from 0 over kReleased.id_turns turns: [U,2,B].
template <class T>
Var<T> unit_ids(Tape<T>& tape, int U, int B) {
  const Var<T> ids = tape.make(U, 2, B, false);
  for (int u = 0; u < U; ++u) {
    const double share = U > 1 ? double(u) / (U - 1) : 0;
    const double angle = 2 * std::numbers::pi * kReleased.id_turns * share;
    std::fill_n(ids.data + u * ids.unit_stride, B, T(std::sin(angle)));
    std::fill_n(ids.data + u * ids.unit_stride + B, B, T(std::cos(angle)));
  }
  return ids;
}

// [U,8] statistics of the incoming column and the outgoing row, normalised over the layer (or over
// the unit's own eight).
template <class T>
Var<T> statistics(Tape<T>& tape, const ThetaVars<T>& theta, const LayerInputs<T>& in) {
  const Var<T> raw =
      weight_moments(tape, in.W_in, in.W_out, T(kReleased.rms_eps), T(kReleased.deviation_eps));
  if (!theta.layout->sizes().is_local())
    return rms_normalise(tape, raw, Over::kAll, T(kRule.statistics_eps));
  const Var<T> own = reshape(raw, raw.rows(), raw.cols(), 1);
  return reshape(rms_channels(tape, own, T(kRule.statistics_eps)), raw.rows(), 1, raw.cols());
}

// h [U,C,B] of one layer.                                                          [step 3]
//
//   inputs: statistics of the weights (8), bias; and, normed over units and examples with an
//   offset, x, z, sine and cosine of the unit id, delta n1 = block over examples;  h1 = n1 + two
//   blocks over units of n1 n2 = block over examples;  h  = n2 + two blocks over units of n2
template <class T>
Feed<T> hidden_state(Tape<T>& tape, const ThetaVars<T>& theta, const LayerInputs<T>& in) {
  const int U = in.x.units(), B = in.x.examples();
  const Var<T> constants = repeat_over_examples(tape, statistics(tape, theta, in), B);
  Var<T> b = tape.make(U, 1, B, false);
  if (in.b) {
    b = repeat_over_examples(tape, reshape(*in.b, U, 1, 1), B);
  } else {
    std::fill_n(b.data, b.size(), T(0));
  }
  const Var<T> features =
      concat_norm(tape, {in.x, in.z, unit_ids<T>(tape, U, B), in.delta},
                  theta[ThetaName::kHiddenInputsOffset], T(kReleased.norm_eps), norm_over(theta));
  const bool local = theta.layout->sizes().is_local();
  const auto mixed = [&](const Normed<T>& n, ThetaName first, ThetaName second) -> Feed<T> {
    if (local) return n;
    const Normed<T> a = block(tape, theta, Axis::kUnits, {n}, first);
    return {n, block(tape, theta, Axis::kUnits, {a}, second)};
  };
  const Normed<T> n1 =
      block(tape, theta, Axis::kExamples, {constants, b, features}, ThetaName::kHiddenConv1);
  const Feed<T> h1 = mixed(n1, ThetaName::kHiddenUnit1a, ThetaName::kHiddenUnit1b);
  const Normed<T> n2 = block(tape, theta, Axis::kExamples, h1, ThetaName::kHiddenConv2);
  return mixed(n2, ThetaName::kHiddenUnit2a, ThetaName::kHiddenUnit2b);
}

}  // namespace
}  // namespace metz2019

template <class T>
RuleNetworks<T> metz2019_networks() {
  return {&metz2019::top_down<T>, &metz2019::hidden_state<T>};
}

template RuleNetworks<float> metz2019_networks();
template RuleNetworks<double> metz2019_networks();

}  // namespace metaplastic
