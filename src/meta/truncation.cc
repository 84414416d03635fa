#include "meta/truncation.h"

#include <algorithm>
#include <cmath>

#include "rule/inner_step.h"

namespace metaplastic {
namespace {

// phi_bar (+)= the bars of the leaves.
template <class T>
void collect_phi_bar(Tape<T>& tape, const PhiVars<T>& phi, const Architecture& architecture,
                     bool accumulate, T* phi_bar) {
  const auto collect = [&](const Var<T>& leaf, std::int64_t offset) {
    kernels<T>().add_to(tape.bar(leaf), leaf.size(), accumulate, phi_bar + offset);
  };
  for (int l = 1; l <= phi.num_layers; ++l) {
    const auto at = static_cast<std::size_t>(l);
    const LayerOffsets offsets = layer_offsets(architecture, l);
    collect(phi.W[at], offsets.W);
    collect(phi.V[at], offsets.V);
    collect(phi.b[at], offsets.b);
  }
}

template <class T>
void seed_phi_bar(Tape<T>& tape, const PhiVars<T>& next, const Architecture& architecture,
                  const T* phi_bar) {
  const auto seed = [&](const Var<T>& value, std::int64_t offset) {
    const Bar<T> bar = tape.bar_for_writing(value);
    kernels<T>().add_to(phi_bar + offset, value.size(), bar.accumulate, bar.data);
  };
  for (int l = 1; l <= next.num_layers; ++l) {
    const auto at = static_cast<std::size_t>(l);
    const LayerOffsets offsets = layer_offsets(architecture, l);
    seed(next.W[at], offsets.W);
    seed(next.V[at], offsets.V);
    seed(next.b[at], offsets.b);
  }
}

void add_judgement(const Judgement& judgement, TruncationResult& result) {
  result.meta_loss += judgement.meta_loss / result.num_judged;
  result.accuracy += judgement.accuracy / result.num_judged;
}

// Adds the objective's gradient at `phi` to phi_bar; the mean over judged states is taken here.
template <class T>
void judge_with_gradient(const Architecture& architecture, const T* phi, const Probe<T>& probe,
                         const TruncationSettings<T>& settings, Tape<T>& tape,
                         TruncationResult& result, T* phi_bar) {
  tape.reset(true);
  const PhiVars<T> vars = phi_leaves(tape, architecture, phi);
  const JudgedState<T> judged = judge_on_tape(tape, vars, architecture, probe, settings);
  add_judgement(judged.judgement, result);
  for (std::size_t l = 0; l < judged.layers.size(); ++l)
    tape.bar(judged.layers[l].loss)[0] = static_cast<T>(judged.shares[l] / result.num_judged);
  tape.backward();
  collect_phi_bar(tape, vars, architecture, true, phi_bar);
}

template <class T>
struct StepInputs {
  std::span<const T> x;  // [U_0,B]
  StepSettings<T> settings;
};

template <class T>
StepInputs<T> inputs_of_step(TruncationData<T>& data, int k, T inner_lr) {
  const std::span<const T> x = data.inner_batch(k);
  return {x, {inner_lr, static_cast<T>(data.homeostatic_share())}};
}

// One inner step without a gradient; to may be from.
template <class T>
void advance(Tape<T>& tape, const ThetaLayout& layout, const T* theta,
             const Architecture& architecture, const StepInputs<T>& inputs, const T* from, T* to) {
  tape.reset(false);
  const PhiVars<T> next =
      inner_step(tape, theta_leaves(tape, layout, theta), phi_leaves(tape, architecture, from),
                 architecture.activation, batch_of(tape, architecture, inputs.x), inputs.settings);
  copy_phi(next, architecture, to);
}

// Replays the inner step at `phi` and runs it backwards: phi_bar of the state after it becomes that
// of the state before, theta_bar is added to.
template <class T>
void advance_vjp(Tape<T>& tape, const ThetaLayout& layout, const T* theta,
                 const Architecture& architecture, const StepInputs<T>& inputs, const T* phi,
                 T* phi_bar, T* theta_bar) {
  tape.reset(true);
  const ThetaVars<T> theta_vars = theta_leaves(tape, layout, theta);
  const PhiVars<T> vars = phi_leaves(tape, architecture, phi);
  const PhiVars<T> next = inner_step(tape, theta_vars, vars, architecture.activation,
                                     batch_of(tape, architecture, inputs.x), inputs.settings);
  seed_phi_bar(tape, next, architecture, phi_bar);
  tape.backward();
  collect_phi_bar(tape, vars, architecture, false, phi_bar);
  for (std::size_t i = 0; i < layout.entries().size(); ++i) {
    const Var<T>& leaf = theta_vars.vars[i];
    kernels<T>().add_to(tape.bar(leaf), leaf.size(), true, theta_bar + layout.entries()[i].offset);
  }
}

template <class T>
bool all_finite(const T* values, std::int64_t count) {
  return std::all_of(values, values + count, [](T v) { return std::isfinite(v); });
}

template <class T>
bool is_judged(const TruncationSettings<T>& settings, int k) {
  return (settings.K - 1 - k) % settings.objective_every == 0;
}

template <class T>
int count_judged(const TruncationSettings<T>& settings) {
  int count = 0;
  for (int k = 0; k < settings.K; ++k) count += is_judged(settings, k);
  return count;
}

}  // namespace

template <class T>
void unroll(const ThetaLayout& layout, const T* theta, const Architecture& architecture,
            std::vector<T>& phi, int num_steps, T inner_lr, TruncationData<T>& data,
            Tape<T>& tape) {
  for (int k = 0; k < num_steps; ++k) {
    advance(tape, layout, theta, architecture, inputs_of_step(data, k, inner_lr), phi.data(),
            phi.data());
  }
}

template <class T>
TruncationResult truncated_loss(const ThetaLayout& layout, const T* theta,
                                const Architecture& architecture, std::vector<T>& phi,
                                const TruncationSettings<T>& settings, TruncationData<T>& data,
                                Tape<T>& tape) {
  TruncationResult result;
  result.num_judged = count_judged(settings);
  for (int k = 0; k < settings.K; ++k) {
    advance(tape, layout, theta, architecture, inputs_of_step(data, k, settings.inner_lr),
            phi.data(), phi.data());
    if (!is_judged(settings, k)) continue;
    add_judgement(judge(architecture, phi.data(), data.probe(k), settings, tape), result);
  }
  result.finite = std::isfinite(result.meta_loss) &&
                  all_finite(phi.data(), static_cast<std::int64_t>(phi.size()));
  return result;
}

template <class T>
TruncationResult truncated_gradient(const ThetaLayout& layout, const T* theta,
                                    const Architecture& architecture, std::vector<T>& phi,
                                    const TruncationSettings<T>& settings, TruncationData<T>& data,
                                    TruncationWorkspace<T>& workspace, T* theta_bar) {
  const std::int64_t size = architecture.phi_size();
  METAPLASTIC_CHECK(static_cast<std::int64_t>(phi.size()) == size && settings.K >= 1);
  Tape<T>& tape = workspace.tape;
  workspace.states.resize(static_cast<std::size_t>((settings.K + 1) * size));
  workspace.phi_bar.assign(static_cast<std::size_t>(size), T(0));
  T* states = workspace.states.data();
  T* phi_bar = workspace.phi_bar.data();

  std::copy(phi.begin(), phi.end(), states);
  for (int k = 0; k < settings.K; ++k) {
    advance(tape, layout, theta, architecture, inputs_of_step(data, k, settings.inner_lr),
            states + k * size, states + (k + 1) * size);
  }
  std::copy_n(states + settings.K * size, size, phi.begin());

  TruncationResult result;
  result.num_judged = count_judged(settings);
  for (int k = settings.K - 1; k >= 0; --k) {
    if (is_judged(settings, k)) {
      judge_with_gradient(architecture, states + (k + 1) * size, data.probe(k), settings, tape,
                          result, phi_bar);
    }
    advance_vjp(tape, layout, theta, architecture, inputs_of_step(data, k, settings.inner_lr),
                states + k * size, phi_bar, theta_bar);
  }
  result.finite = std::isfinite(result.meta_loss) && all_finite(theta_bar, layout.size()) &&
                  all_finite(phi.data(), size);
  return result;
}

#define METAPLASTIC_INSTANTIATE(T)                                                                 \
  template TruncationResult truncated_gradient(const ThetaLayout&, const T*, const Architecture&,  \
                                               std::vector<T>&, const TruncationSettings<T>&,      \
                                               TruncationData<T>&, TruncationWorkspace<T>&, T*);   \
  template TruncationResult truncated_loss(const ThetaLayout&, const T*, const Architecture&,      \
                                           std::vector<T>&, const TruncationSettings<T>&,          \
                                           TruncationData<T>&, Tape<T>&);                          \
  template void unroll(const ThetaLayout&, const T*, const Architecture&, std::vector<T>&, int, T, \
                       TruncationData<T>&, Tape<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
