#include "rule/layer_step.h"

#include "rule/bias_step.h"
#include "rule/composed_step.h"
#include "rule/constants.h"

namespace metaplastic {
namespace {

// Readouts of h for one layer: for the steps of W, and for those of V where they are separate.
template <class T>
struct LayerReadouts {
  LayerReads<T> w, v;
  Var<T> to_delta, bias_out;  // [U,D,B], [U,1,B]; absent for the input
};

// Columns of a readout matrix that layer l needs: the input no upper ones, the top no lower ones.
template <class T>
LayerReads<T> read(Tape<T>& tape, const Feed<T>& h, const Var<T>& a, const Var<T>& bias, int low,
                   bool is_upper, bool is_lower, const Var<T>& s) {
  const int first = is_upper ? 0 : low, last = is_lower ? a.cols() : low;
  LayerReads<T> reads;
  reads.s = s;
  reads.readouts = conv(tape, Axis::kExamples, h, a, bias, first, last - first);
  reads.up = 0;
  reads.low = low - first;
  return reads;
}

template <class T>
LayerReadouts<T> read_layer(Tape<T>& tape, const ThetaVars<T>& theta, const Feed<T>& h,
                            const Var<T>& s, bool is_upper, bool is_lower) {
  const ThetaLayout& layout = *theta.layout;
  LayerReadouts<T> reads;
  reads.w = read(tape, h, theta[ThetaName::kReadout], theta[ThetaName::kReadoutBias],
                 layout.low_column(0), is_upper, is_lower, s);
  if (is_upper) {
    reads.to_delta = slice_channels(reads.w.readouts, layout.delta_column(), layout.sizes().D);
    reads.bias_out = slice_channels(reads.w.readouts, layout.bias_column(), 1);
  }
  if (layout.sizes().has_v_step()) {
    reads.v = read(tape, h, theta[ThetaName::kReadoutV], theta[ThetaName::kReadoutVBias],
                   layout.num_up_readouts() * layout.sizes().G, is_upper, is_lower, s);
  }
  return reads;
}

template <class T>
const Var<T>* optional(const ThetaVars<T>& theta, ThetaName name) {
  return theta.layout->has(name) ? &theta[name] : nullptr;
}

template <class T>
void step_weights(Tape<T>& tape, const ThetaVars<T>& theta, const LayerReadouts<T>& up,
                  const LayerReadouts<T>& lo, const Var<T>& W, const Var<T>& V, T inner_lr,
                  Var<T>& next_W, Var<T>& next_V) {
  const ThetaLayout& layout = *theta.layout;
  const Var<T> W_step = composed_weight_step(tape, layout, W, up.w, lo.w, theta[ThetaName::kMix],
                                             optional(theta, ThetaName::kMixBias));
  Var<T> V_step = W_step;
  if (layout.sizes().has_v_step()) {
    V_step = composed_weight_step(tape, layout, V, up.v, lo.v, theta[ThetaName::kMixV],
                                  optional(theta, ThetaName::kMixVBias));
  }
  next_W = combine(tape, T(1) - inner_lr, W, -inner_lr, W_step);
  next_V = combine(tape, T(1) - inner_lr, V, -inner_lr, V_step);
}

// delta of the layer below: [U_up,D,B] -> [U_lo,D,B].                                [step 4]
template <class T>
Var<T> send_down(Tape<T>& tape, const Var<T>& delta, const Var<T>& z, const Var<T>& to_delta,
                 const Var<T>& V) {
  const Var<T> modulated = gate_add(tape, delta, map(tape, Unary::kSigmoid, z), to_delta);
  return rms_channels(tape, matmul(tape, V, false, modulated, false), T(kRule.delta_eps));
}

}  // namespace

template <class T>
PhiVars<T> layered_step(Tape<T>& tape, const ThetaVars<T>& theta, const RuleNetworks<T>& networks,
                        const PhiVars<T>& phi, const Activations<T>& act,
                        const StepSettings<T>& settings) {
  const RuleSizes& sizes = theta.layout->sizes();
  const T eps = T(sizes.is_metz2019() ? kReleased.standardise_eps : kRule.standardise_eps);
  const bool transposed = sizes.backward == "transposed";
  const int L = phi.num_layers;
  PhiVars<T> next;
  next.num_layers = L;
  LayerReadouts<T> up;
  Var<T> delta = networks.top_down(tape, theta, act.x[static_cast<std::size_t>(L)]);
  for (int l = L; l >= 0; --l) {
    const auto at = static_cast<std::size_t>(l);
    const bool is_upper = l > 0, is_lower = l < L;
    const LayerInputs<T> inputs = layer_inputs(phi, act, delta, l);
    const Feed<T> h = networks.hidden_state(tape, theta, inputs);
    const LayerReadouts<T> reads =
        read_layer(tape, theta, h, standardise(tape, act.x[at], eps), is_upper, is_lower);
    if (is_lower) {
      step_weights(tape, theta, up, reads, phi.W[at + 1], phi.V[at + 1], settings.inner_lr,
                   next.W[at + 1], next.V[at + 1]);
    }
    if (is_upper) {
      next.b[at] = next_bias(tape, sizes, phi.b[at], reads.bias_out, reads.w.s, settings);
      delta = send_down(tape, delta, act.z[at], reads.to_delta, transposed ? phi.W[at] : phi.V[at]);
    }
    up = reads;
  }
  return next;
}

#define METAPLASTIC_INSTANTIATE(T)                                                        \
  template PhiVars<T> layered_step(Tape<T>&, const ThetaVars<T>&, const RuleNetworks<T>&, \
                                   const PhiVars<T>&, const Activations<T>&,              \
                                   const StepSettings<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
