#include "rule/inner_step.h"

#include <algorithm>
#include <cmath>

#include "rule/bias_step.h"
#include "rule/compact.h"
#include "rule/constants.h"
#include "rule/metz2019.h"
#include "rule/view_signals.h"
#include "rule/weight_step.h"

namespace metaplastic {
namespace {

// Each view by itself.
template <class T>
Var<T> standardised(Tape<T>& tape, const Var<T>& x, int num_views) {
  return standardise(tape, x, T(kRule.standardise_eps), num_views);
}

// delta^L [U,D,B] from the standardised top activations s [U,1,B].          [step 2]
template <class T>
Var<T> top_down(Tape<T>& tape, const ThetaVars<T>& theta, const Var<T>& s) {
  const T U = T(s.units());
  const Var<T> corr =  // zero diagonal, over sqrt(U): [U,U]
      symmetric_product(tape, s, s, T(1) / (T(2) * T(s.examples()) * std::sqrt(U)));
  const Var<T> mixed = matmul(tape, corr, false, s, false);
  // The per-unit statistics are taken of the linear map itself, so it is computed first without
  // them.
  const Var<T> y = linear(tape, {s, mixed}, theta[ThetaName::kTopIn]);  // [U,C,B]
  const Var<T> unit = matmul(tape, moments_over_batch(tape, y, T(kRule.moments_eps)), false,
                             theta[ThetaName::kTopUnit], false);  // [U,C]
  LinearExtras<T> shifted;
  shifted.unit_offset = &unit;
  const NormedBatch<T> normed = linear_norm_relu_moments(
      tape, {s, mixed}, theta[ThetaName::kTopIn], shifted, T(kRule.norm_eps), T(kRule.moments_eps));
  const Var<T> example =
      linear(tape, {normed.over_units}, theta[ThetaName::kTopExample]);  // [1,C,B]
  LinearExtras<T> per_example;
  per_example.example_offset = &example;
  const Var<T> n2 =
      linear_norm_relu(tape, {normed.n}, theta[ThetaName::kTopMix], per_example, T(kRule.norm_eps));
  LinearExtras<T> biased;
  biased.bias = &theta[ThetaName::kTopOutBias];
  return linear(tape, {n2}, theta[ThetaName::kTopOut], biased);
}

// h [U,C,B] of one layer; signals are null for a rule of one view.                 [step 3]
template <class T>
Var<T> hidden_state(Tape<T>& tape, const ThetaVars<T>& theta, const LayerInputs<T>& in,
                    const ViewSignals<T>* signals) {
  const Var<T> raw = weight_statistics(tape, in.W_in, in.W_out, T(kRule.column_eps));  // [U,4]
  const Var<T> statistics = rms_normalise(tape, raw, Over::kAll, T(kRule.statistics_eps));
  Var<T> unit = matmul(tape, statistics, false, theta[ThetaName::kHiddenStats], false);  // [U,C]
  if (in.b) {
    const Var<T> column = reshape(*in.b, in.x.units(), 1, 1);
    unit = combine(tape, T(1), unit, T(1),
                   matmul(tape, column, false, theta[ThetaName::kHiddenBiasIn], false));
  }
  LinearExtras<T> offset;
  offset.unit_offset = &unit;
  const auto normed = [&](std::initializer_list<Var<T>> pieces) {
    return linear_norm_relu_moments(tape, pieces, theta[ThetaName::kHiddenIn], offset,
                                    T(kRule.norm_eps), T(kRule.moments_eps));
  };
  const NormedBatch<T> n1 =  // [U,C,B] and its moments
      signals ? normed({in.x, in.z, in.delta, signals->surprise, signals->shared})
              : normed({in.x, in.z, in.delta});

  // m hidden_mix with m = n1 + (per unit) + (per example): the two offsets are mapped by
  // themselves.
  const Var<T>& mix = theta[ThetaName::kHiddenMix];
  const Var<T> of_unit =
      matmul(tape, n1.over_batch, false, theta[ThetaName::kHiddenUnit], false);  // [U,C]
  const Var<T> of_example =
      linear(tape, {n1.over_units}, theta[ThetaName::kHiddenExample]);  // [1,C,B]
  const Var<T> unit_mixed = matmul(tape, of_unit, false, mix, false);
  const Var<T> example_mixed = linear(tape, {of_example}, mix);
  LinearExtras<T> offsets;
  offsets.unit_offset = &unit_mixed;
  offsets.example_offset = &example_mixed;
  return linear_norm_relu(tape, {n1.n}, mix, offsets, T(kRule.norm_eps));
}

// All readouts of h that layer l of L needs, in one product.
template <class T>
Side<T> readouts(Tape<T>& tape, const ThetaVars<T>& theta, const Var<T>& h, const Var<T>& s, int l,
                 int L) {
  const ThetaLayout& layout = *theta.layout;
  LinearExtras<T> columns;
  columns.bias = &theta[ThetaName::kReadoutBias];
  columns.first_column = l == 0 ? layout.low_column(0) : 0;
  columns.num_columns =
      (l == L ? layout.low_column(0) : layout.num_readout_columns()) - columns.first_column;
  Side<T> side;
  side.s = s;
  side.readouts = linear(tape, {h}, theta[ThetaName::kReadout], columns);
  side.first_column = columns.first_column;
  return side;
}

// delta of the layer below: [U_up,D,B] -> [U_lo,D,B].                                [step 4]
template <class T>
Var<T> send_down(Tape<T>& tape, const ThetaVars<T>& theta, const Var<T>& delta, const Var<T>& gate,
                 const Side<T>& side, const Var<T>& V) {
  const ThetaLayout& layout = *theta.layout;
  const Var<T> shift =
      slice_channels(side.readouts, layout.delta_column() - side.first_column, layout.sizes().D);
  const Var<T> modulated = gate_add(tape, delta, gate, shift);
  return rms_channels(tape, matmul(tape, V, false, modulated, false), T(kRule.delta_eps));
}

}  // namespace

template <class T>
PhiVars<T> inner_step(Tape<T>& tape, const ThetaVars<T>& theta, const PhiVars<T>& phi,
                      Unary activation, const Var<T>& x, const StepSettings<T>& settings) {
  const int L = phi.num_layers;
  const T lr = settings.inner_lr;
  const int num_views = theta.layout->sizes().num_views();
  const Activations<T> act = forward(tape, phi, activation, x, num_views);
  if (!theta.layout->sizes().is_plain_compact()) {
    const bool released = theta.layout->sizes().is_metz2019();
    return layered_step(tape, theta, released ? metz2019_networks<T>() : compact_networks<T>(), phi,
                        act, settings);
  }
  PhiVars<T> next;
  next.num_layers = L;
  const bool two_views = num_views == 2;
  const OtherUnits others =
      theta.layout->sizes().has_neighbours() ? OtherUnits::kOwn : OtherUnits::kPartner;
  Side<T> up;
  const auto top = static_cast<std::size_t>(L);
  Var<T> s = standardised(tape, act.x[top], num_views);
  Var<T> delta = top_down(tape, theta, s);
  for (int l = L; l >= 0; --l) {
    const auto at = static_cast<std::size_t>(l);
    if (l < L) s = standardised(tape, act.x[at], num_views);
    const LayerInputs<T> inputs = layer_inputs(phi, act, delta, l);
    ViewSignals<T> signals;
    if (two_views) signals = view_signals(tape, s, others);
    const Var<T> h = hidden_state(tape, theta, inputs, two_views ? &signals : nullptr);
    Side<T> side = readouts(tape, theta, h, s, l, L);
    if (l < L) {
      const Var<T> step = weight_step(tape, theta, phi.W[at + 1], up, side);
      next.W[at + 1] = combine(tape, T(1) - lr, phi.W[at + 1], -lr, step);
      next.V[at + 1] = combine(tape, T(1) - lr, phi.V[at + 1], -lr, step);
    }
    if (l > 0) {
      const int bias_channel = theta.layout->bias_column() - side.first_column;
      next.b[at] = next_bias(tape, theta.layout->sizes(), phi.b[at],
                             slice_channels(side.readouts, bias_channel, 1), side.s, settings);
      const Var<T> gate = map(tape, Unary::kSigmoid, act.z[at]);
      delta = send_down(tape, theta, delta, gate, side, phi.V[at]);
      if (two_views) {
        side.agree = multiply(tape, signals.surprise, gate);
        side.shared = multiply(tape, signals.shared, gate);
      }
    }
    up = side;
  }
  return next;
}

template <class T>
void copy_phi(const PhiVars<T>& vars, const Architecture& architecture, T* phi) {
  for (int l = 1; l <= vars.num_layers; ++l) {
    const auto at = static_cast<std::size_t>(l);
    const LayerOffsets offsets = layer_offsets(architecture, l);
    std::copy_n(vars.W[at].data, vars.W[at].size(), phi + offsets.W);
    std::copy_n(vars.V[at].data, vars.V[at].size(), phi + offsets.V);
    std::copy_n(vars.b[at].data, vars.b[at].size(), phi + offsets.b);
  }
}

#define METAPLASTIC_INSTANTIATE(T)                                                        \
  template PhiVars<T> inner_step(Tape<T>&, const ThetaVars<T>&, const PhiVars<T>&, Unary, \
                                 const Var<T>&, const StepSettings<T>&);                  \
  template void copy_phi(const PhiVars<T>&, const Architecture&, T*);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
