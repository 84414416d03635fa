#include "rule/inner_step.h"

#include <algorithm>

#include "rule/bias_step.h"
#include "rule/constants.h"
#include "rule/networks.h"
#include "rule/weight_step.h"

namespace metaplastic {
namespace {

// Both sides of the weights above a layer, those of W's step and those of V's where V has its own.
template <class T>
struct LayerSides {
  Side<T> up, lo;      // as the upper layer of a weight, and as the lower one
  Side<T> up_v, lo_v;  // v_step = "separate"
};

// Columns [first, first + count) of a matrix of readouts: [U,count,B].
template <class T>
Var<T> read(Tape<T>& tape, bool is_conv, const Feed<T>& h, const Var<T>& a, const Var<T>& bias,
            int first, int count) {
  if (is_conv) return conv(tape, Axis::kExamples, h, a, bias, first, count);
  LinearExtras<T> columns;
  columns.bias = &bias;
  columns.first_column = first;
  columns.num_columns = count;
  return linear(tape, h, a, columns);
}

// One inner step while it is taken, from the top layer down.
template <class T>
class InnerStep {
 public:
  InnerStep(Tape<T>& tape, const ThetaVars<T>& theta, const PhiVars<T>& phi,
            const Activations<T>& act, const StepSettings<T>& settings)
      : tape_(tape),
        theta_(theta),
        layout_(*theta.layout),
        sizes_(layout_.sizes()),
        networks_(sizes_.is_metz2019() ? metz2019_networks<T>() : compact_networks<T>()),
        phi_(phi),
        act_(act),
        settings_(settings),
        L_(phi.num_layers) {}

  PhiVars<T> take() {
    next_.num_layers = L_;
    LayerSides<T> above;
    for (int l = L_; l >= 0; --l) {
      s_ = standardised(l);
      look_at_views(l);
      LayerSides<T> sides = sides_of(l);
      if (l < L_) step_weights(l + 1, above, sides);
      if (l > 0) {
        step_bias(l);
        send_down(l, sides);
      }
      above = sides;
    }
    return next_;
  }

 private:
  static std::size_t at(int l) { return static_cast<std::size_t>(l); }
  // The input has neither bias nor layer below: its hidden state is for readouts alone.
  bool has_hidden_state(int l) const {
    return layout_.has_networks() && (l > 0 || layout_.num_low_readouts() > 0);
  }

  // Each view by itself.
  Var<T> standardised(int l) {
    const double eps = sizes_.is_metz2019() ? kReleased.standardise_eps : kRule.standardise_eps;
    return standardise(tape_, act_.x[at(l)], T(eps), sizes_.num_views());
  }

  // What the second view tells of layer l, where something reads it.
  void look_at_views(int l) {
    signals_ = {};
    if (!sizes_.has_two_views()) return;
    const bool networks = has_hidden_state(l);
    signals_ =
        view_signals(tape_, s_, sizes_.has_neighbours() ? OtherUnits::kOwn : OtherUnits::kPartner,
                     {.surprise = networks || (l > 0 && layout_.reads(ViewSignal::kSurprise)),
                      .shared = networks || (l > 0 && layout_.reads(ViewSignal::kShared))});
  }

  // All readouts of the hidden state that layer l needs, in one product. The input is no upper
  // layer, the top no lower one.
  LayerSides<T> sides_of(int l) {
    LayerSides<T> sides;
    sides.up.s = sides.lo.s = sides.up_v.s = sides.lo_v.s = s_;
    if (!has_hidden_state(l)) return sides;
    std::size_t mark = tape_.mark();
    if (l == L_) delta_ = tape_.keep(mark, networks_.top_down(tape_, theta_, act_.x[at(l)], s_));
    LayerInputs<T> in;
    in.x = act_.x[at(l)], in.z = act_.z[at(l)], in.delta = delta_;
    if (l > 0) in.b = &phi_.b[at(l)], in.W_in = &phi_.W[at(l)];
    if (l < L_) in.W_out = &phi_.W[at(l + 1)];
    if (sizes_.has_two_views()) in.signals = &signals_;
    mark = tape_.mark();
    const Feed<T> h = networks_.hidden_state(tape_, theta_, in);
    const int low = layout_.low_column(0);
    readouts_ =
        read_side(h, ThetaName::kReadout, ThetaName::kReadoutBias, low, l, sides.up, sides.lo);
    if (layout_.has(ThetaName::kReadoutV)) {
      read_side(h, ThetaName::kReadoutV, ThetaName::kReadoutVBias,
                layout_.up_column(layout_.num_up_readouts()), l, sides.up_v, sides.lo_v);
    } else {
      readouts_ = sides.up.readouts = sides.lo.readouts = tape_.keep(mark, readouts_);
    }
    return sides;
  }
  // The columns from `low` on are those of a lower layer.
  Var<T> read_side(const Feed<T>& h, ThetaName matrix, ThetaName bias, int low, int l, Side<T>& up,
                   Side<T>& lo) {
    const Var<T>& a = theta_[matrix];
    const int first = l > 0 ? 0 : low, last = l < L_ ? a.cols() : low;
    if (first == last) return {};  // no term reads its lower layer
    up.readouts = lo.readouts =
        read(tape_, sizes_.is_metz2019(), h, a, theta_[bias], first, last - first);
    up.first_channel = 0;
    lo.first_channel = low - first;
    return up.readouts;
  }

  void step_weights(int l, const LayerSides<T>& above, const LayerSides<T>& sides) {
    const Var<T>&W = phi_.W[at(l)], &V = phi_.V[at(l)];
    std::size_t mark = tape_.mark();
    const Var<T> W_step =
        tape_.keep(mark, weight_step(tape_, layout_, W, above.up, sides.lo, theta_[ThetaName::kMix],
                                     optional(ThetaName::kMixBias), settings_.keep));
    Var<T> V_step = W_step;
    if (sizes_.has_v_step()) {
      mark = tape_.mark();
      V_step = tape_.keep(
          mark, weight_step(tape_, layout_, V, above.up_v, sides.lo_v, theta_[ThetaName::kMixV],
                            optional(ThetaName::kMixVBias), settings_.keep));
    }
    const T lr = settings_.inner_lr;
    next_.W[at(l)] = combine(tape_, T(1) - lr, W, -lr, W_step);
    next_.V[at(l)] = combine(tape_, T(1) - lr, V, -lr, V_step);
  }
  const Var<T>* optional(ThetaName name) const {
    return layout_.has(name) ? &theta_[name] : nullptr;
  }

  void step_bias(int l) {
    Var<T> bias_out;
    if (layout_.has_networks()) bias_out = slice_channels(readouts_, layout_.bias_column(), 1);
    next_.b[at(l)] = next_bias(tape_, sizes_, phi_.b[at(l)], bias_out, s_, settings_);
  }

  // Signals through the gate of the units: delta of the layer below, [U_up,D,B] -> [U_lo,D,B], and
  // those of the views.                                                              [step 4]
  void send_down(int l, LayerSides<T>& sides) {
    const bool networks = has_hidden_state(l - 1);
    const bool surprise = layout_.reads(ViewSignal::kSurprise),
               shared = layout_.reads(ViewSignal::kShared);
    if (!networks && !surprise && !shared) return;
    const Var<T> gate = map(tape_, Unary::kSigmoid, act_.z[at(l)]);
    if (networks) {
      const Var<T> shift = slice_channels(readouts_, layout_.delta_column(), sizes_.D);
      const Var<T>& carrier = sizes_.backward == "transposed" ? phi_.W[at(l)] : phi_.V[at(l)];
      const std::size_t mark = tape_.mark();
      const Var<T> below =
          matmul(tape_, carrier, false, gate_add(tape_, delta_, gate, shift), false);
      delta_ = tape_.keep(mark, rms_channels(tape_, below, T(kRule.delta_eps)));
    }
    if (surprise) sides.up.agree = multiply(tape_, signals_.surprise, gate);
    if (shared) sides.up.shared = multiply(tape_, signals_.shared, gate);
  }

  Tape<T>& tape_;
  const ThetaVars<T>& theta_;
  const ThetaLayout& layout_;
  const RuleSizes& sizes_;
  RuleNetworks<T> networks_;
  const PhiVars<T>& phi_;
  const Activations<T>& act_;
  const StepSettings<T>& settings_;
  int L_;
  PhiVars<T> next_;
  // Of the layer that the step is at:
  Var<T> s_;         // [U,1,B] standardised activations
  Var<T> delta_;     // [U,D,B]
  Var<T> readouts_;  // [U,n,B], of W's step
  ViewSignals<T> signals_;
};

}  // namespace

template <class T>
PhiVars<T> inner_step(Tape<T>& tape, const ThetaVars<T>& theta, const PhiVars<T>& phi,
                      Unary activation, const Var<T>& x, const StepSettings<T>& settings) {
  const Activations<T> act = forward(tape, phi, activation, x, theta.layout->sizes().num_views());
  return InnerStep<T>(tape, theta, phi, act, settings).take();
}

template <class T>
void copy_phi(const PhiVars<T>& vars, const Architecture& architecture, T* phi) {
  for_each_of_phi(vars, architecture, [&](const Var<T>& value, std::int64_t offset) {
    std::copy_n(value.data, value.size(), phi + offset);
  });
}

#define METAPLASTIC_INSTANTIATE(T)                                                        \
  template PhiVars<T> inner_step(Tape<T>&, const ThetaVars<T>&, const PhiVars<T>&, Unary, \
                                 const Var<T>&, const StepSettings<T>&);                  \
  template void copy_phi(const PhiVars<T>&, const Architecture&, T*);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
