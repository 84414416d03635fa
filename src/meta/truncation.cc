#include "meta/truncation.h"

#include <algorithm>
#include <cmath>

#include "rule/pure_step.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

// What the judged states come to. Returns d meta_loss / d the meta-loss of each.
template <class T>
std::vector<double> join(const std::vector<Judgement>& judged,
                         const TruncationSettings<T>& settings, TruncationResult& result) {
  std::vector<double> losses;
  for (const Judgement& judgement : judged) losses.push_back(judgement.meta_loss);
  result.num_judged = static_cast<int>(judged.size());
  std::vector<double> shares(judged.size(), 1.0 / result.num_judged);
  if (settings.stops.empty()) {
    for (std::size_t i = 0; i < judged.size(); ++i) result.meta_loss += shares[i] * losses[i];
  } else {
    SoftMinimum minimum = soft_minimum(losses);
    result.meta_loss = minimum.value;
    shares = std::move(minimum.shares);
  }
  for (std::size_t i = 0; i < judged.size(); ++i) result.accuracy += shares[i] * judged[i].accuracy;
  return shares;
}

// Writes the objective's gradient at `phi`, times weight, to phi_bar and inputs_bar.
template <class T>
Judgement judge_with_gradient(const Architecture& architecture, const T* phi, const Probe<T>& probe,
                              TruncationSettings<T> settings, double weight, Tape<T>& tape,
                              T* phi_bar, T& inputs_bar) {
  tape.reset(true);
  const Var<T> inputs = tape.leaf(&settings.inputs, 1, 1);
  if (settings.step_gradient) settings.inputs_leaf = &inputs;
  const PhiVars<T> vars = phi_leaves(tape, architecture, phi);
  const JudgedState<T> judged = judge_on_tape(tape, vars, architecture, probe, settings);
  for (std::size_t r = 0; r < judged.readouts.size(); ++r)
    tape.bar(judged.readouts[r].loss)[0] = static_cast<T>(judged.shares[r] * weight);
  tape.backward();
  collect_phi_bar(tape, vars, architecture, false, phi_bar);
  inputs_bar = settings.step_gradient ? tape.bar(inputs)[0] : T(0);
  return judged.judgement;
}

// What step k of a truncation is taken with. The batch is drawn first: it says what the units of
// the base model aim at.
template <class T>
struct StepInputs {
  StepSpec<T> spec;
  StepBatch<T> batch;
};

template <class T>
StepInputs<T> inputs_of_step(const ThetaLayout& layout, const Architecture& architecture,
                             TruncationData<T>& data, int k,
                             const TruncationSettings<T>& settings) {
  const std::span<const T> x = data.inner_batch(k);
  const auto U = static_cast<std::size_t>(architecture.num_inputs());
  METAPLASTIC_CHECK(!x.empty() && x.size() % U == 0);
  const auto share = static_cast<T>(data.homeostatic_share());
  return {{layout, architecture, {settings.inner_lr, share, settings.bias_pace, settings.keep}},
          {x.data(), static_cast<int>(x.size() / U)}};
}

// The steps of a truncation, and those of them that are on the tape `kept`, from number first_kept.
template <class T>
struct TakenSteps {
  std::vector<StepInputs<T>> inputs;      // [K]
  std::vector<RecordedStep<T>> recorded;  // [K - first_kept]
  int first_kept = 0;
};

// to may be from.
template <class T>
void take_step(Tape<T>& tape, const StepInputs<T>& inputs, const T* theta, const T* from, T* to) {
  pure_step(tape, inputs.spec, from, inputs.batch, theta, to);
}

template <class T>
bool all_finite(const T* values, std::int64_t count) {
  return std::all_of(values, values + count, [](T v) { return std::isfinite(v); });
}

template <class T>
bool is_judged(const TruncationSettings<T>& settings, int k) {
  if (!settings.stops.empty()) return settings.stops.contains(k + 1);
  return (settings.K - 1 - k) % settings.objective_every == 0;
}

// The probes of judged states: where a stop is chosen, one draw for all states, so that labels do
// not choose.
template <class T>
class Probes {
 public:
  Probes(TruncationData<T>& data, const TruncationSettings<T>& settings)
      : data_(data), settings_(settings) {}
  const Probe<T>& operator[](int k) {
    if (settings_.stops.empty()) return data_.probe(k);
    if (!drawn_) drawn_ = &data_.probe(settings_.K - 1);
    return *drawn_;
  }

 private:
  TruncationData<T>& data_;
  const TruncationSettings<T>& settings_;
  const Probe<T>* drawn_ = nullptr;
};

template <class T>
double norm_of(const std::vector<T>& values) {
  double sum = 0;
  for (const T value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

// After the first step: how many of the last can be kept, of its size.
template <class T>
void drop_unless_all_fit(const TruncationSettings<T>& settings, Tape<T>& kept,
                         TakenSteps<T>& taken) {
  const std::size_t bytes = std::max(kept.arena().used_bytes(), std::size_t{1});
  const auto K = static_cast<std::size_t>(settings.K);
  const std::size_t fitting = std::min(settings.kept_bytes / bytes, K);
  taken.first_kept = static_cast<int>(K - fitting);
  if (taken.first_kept == 0) return;
  taken.recorded.clear();
  kept.reset(true);
}

// Takes the step so that it stays on the tape of kept steps.
template <class T>
void take_kept_step(Tape<T>& tape, const TruncationSettings<T>& settings,
                    const StepInputs<T>& inputs, const T* theta, const T* from, T* to,
                    TakenSteps<T>& taken) {
  taken.recorded.push_back(
      record_step(tape, inputs.spec, from, inputs.batch, theta, false, settings.step_gradient));
  copy_phi(taken.recorded.back().next, inputs.spec.architecture, to);
}

// All states of phi, and the means that are judged where means are. How many steps can be kept is
// known from the size of the first.
template <class T>
TakenSteps<T> run_forward(const ThetaLayout& layout, const T* theta,
                          const Architecture& architecture, const std::vector<T>& phi,
                          const TruncationSettings<T>& settings, TruncationData<T>& data,
                          TruncationWorkspace<T>& workspace) {
  TakenSteps<T> taken;
  Tape<T>& kept = workspace.kept;
  kept.reset(true);
  const std::size_t size = phi.size();
  workspace.states.resize(static_cast<std::size_t>(settings.K + 1) * size);
  workspace.means.clear();
  std::vector<T> mean = phi, state;
  T* at = workspace.states.data();
  std::ranges::copy(phi, at);
  for (int k = 0; k < settings.K; ++k, at += size) {
    taken.inputs.push_back(inputs_of_step(layout, architecture, data, k, settings));
    const StepInputs<T>& inputs = taken.inputs.back();
    if (k >= taken.first_kept) {
      take_kept_step(kept, settings, inputs, theta, at, at + size, taken);
    } else {
      take_step(workspace.tape, inputs, theta, at, at + size);
    }
    if (k == 0) drop_unless_all_fit(settings, kept, taken);
    if (settings.mean_share == 0) continue;
    state.assign(at + size, at + 2 * size);
    update_phi_mean(mean, state, settings.mean_share, k + 1);
    if (is_judged(settings, k))
      workspace.means.insert(workspace.means.end(), mean.begin(), mean.end());
  }
  return taken;
}

// Judges the states that run_forward left, the last one first, and leaves the adjoint of each in
// workspace.judged_bars, in the order of states.
template <class T>
TruncationResult judge_states(const Architecture& architecture, std::int64_t size,
                              const TruncationSettings<T>& settings, TruncationData<T>& data,
                              TruncationWorkspace<T>& workspace) {
  std::vector<int> steps;
  for (int k = 0; k < settings.K; ++k)
    if (is_judged(settings, k)) steps.push_back(k);
  const std::size_t count = steps.size();
  const bool count_alike = settings.stops.empty();
  std::vector<Judgement> judged(count);
  std::vector<T> inputs_bars(count);
  Probes<T> probes(data, settings);
  workspace.judged_bars.resize(count * static_cast<std::size_t>(size));
  for (std::size_t i = count; i-- > 0;) {
    const auto at = static_cast<std::int64_t>(i) * size;
    const T* state = settings.mean_share > 0 ? workspace.means.data() + at
                                             : workspace.states.data() + (steps[i] + 1) * size;
    judged[i] =
        judge_with_gradient(architecture, state, probes[steps[i]], settings,
                            count_alike ? 1.0 / static_cast<double>(count) : 1.0, workspace.tape,
                            workspace.judged_bars.data() + at, inputs_bars[i]);
  }
  TruncationResult result;
  const std::vector<double> shares = join(judged, settings, result);
  for (std::size_t i = count; i-- > 0;) {
    const T share = count_alike ? T(1) : static_cast<T>(shares[i]);
    T* bar = workspace.judged_bars.data() + static_cast<std::int64_t>(i) * size;
    if (!count_alike) std::transform(bar, bar + size, bar, [&](T value) { return share * value; });
    workspace.inputs_bar += share * inputs_bars[i];
  }
  return result;
}

// Passes the adjoint of the mean after step k on: to the state after it, and to the mean before.
template <class T>
void pass_mean_bar(const TruncationSettings<T>& settings, int k,
                   TruncationWorkspace<T>& workspace) {
  if (settings.mean_share == 0) return;
  const auto weight = static_cast<T>(phi_mean_weight(settings.mean_share, k + 1));
  for (std::size_t i = 0; i < workspace.phi_bar.size(); ++i) {
    workspace.phi_bar[i] += weight * workspace.mean_bar[i];
    workspace.mean_bar[i] *= T(1) - weight;
  }
}

}  // namespace

template <class T>
void unroll(const ThetaLayout& layout, const T* theta, const Architecture& architecture,
            std::vector<T>& phi, int num_steps, const TruncationSettings<T>& settings,
            TruncationData<T>& data, Tape<T>& tape) {
  for (int k = 0; k < num_steps; ++k) {
    take_step(tape, inputs_of_step(layout, architecture, data, k, settings), theta, phi.data(),
              phi.data());
  }
}

template <class T>
TruncationResult truncated_loss(const ThetaLayout& layout, const T* theta,
                                const Architecture& architecture, std::vector<T>& phi,
                                const TruncationSettings<T>& settings, TruncationData<T>& data,
                                Tape<T>& tape) {
  TruncationResult result;
  std::vector<Judgement> judged;
  Probes<T> probes(data, settings);
  std::vector<T> mean = phi;
  for (int k = 0; k < settings.K; ++k) {
    take_step(tape, inputs_of_step(layout, architecture, data, k, settings), theta, phi.data(),
              phi.data());
    update_phi_mean(mean, phi, settings.mean_share, k + 1);
    if (!is_judged(settings, k)) continue;
    judged.push_back(judge(architecture, mean.data(), probes[k], settings, tape));
  }
  join(judged, settings, result);
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
  workspace.phi_bar.assign(static_cast<std::size_t>(size), T(0));
  workspace.mean_bar = workspace.phi_bar;
  workspace.step_bar = {};
  workspace.inputs_bar = 0;
  const TakenSteps<T> taken =
      run_forward(layout, theta, architecture, phi, settings, data, workspace);
  const T* states = workspace.states.data();
  std::copy_n(states + settings.K * size, size, phi.begin());

  const bool means = settings.mean_share > 0;
  T* phi_bar = workspace.phi_bar.data();
  TruncationResult result = judge_states(architecture, size, settings, data, workspace);
  for (int k = settings.K - 1, judged = result.num_judged; k >= 0; --k) {
    if (is_judged(settings, k)) {
      kernels<T>().add_to(workspace.judged_bars.data() + --judged * size, size, true,
                          means ? workspace.mean_bar.data() : phi_bar);
    }
    pass_mean_bar(settings, k, workspace);
    StepBar<T>* step_bar = settings.step_gradient ? &workspace.step_bar : nullptr;
    const StepInputs<T>& inputs = taken.inputs[static_cast<std::size_t>(k)];
    if (k >= taken.first_kept) {
      recorded_step_vjp<T>(workspace.kept, inputs.spec,
                           taken.recorded[static_cast<std::size_t>(k - taken.first_kept)], phi_bar,
                           nullptr, theta_bar, step_bar);
    } else {
      pure_step_vjp<T>(tape, inputs.spec, states + k * size, inputs.batch, theta, phi_bar, nullptr,
                       theta_bar, step_bar);
    }
    // Written so that what is not a number ends the sweep too.
    if (settings.largest_bar > 0 &&
        !(norm_of(workspace.phi_bar) <= static_cast<double>(settings.largest_bar))) {
      result.tame = false;
      break;
    }
  }
  kernels<T>().add_to(workspace.mean_bar.data(), size, true, phi_bar);
  result.finite =
      all_finite(phi.data(), size) &&
      (!result.tame || (std::isfinite(result.meta_loss) && all_finite(theta_bar, layout.size())));
  return result;
}

#define METAPLASTIC_INSTANTIATE(T)                                                                \
  template TruncationResult truncated_gradient(const ThetaLayout&, const T*, const Architecture&, \
                                               std::vector<T>&, const TruncationSettings<T>&,     \
                                               TruncationData<T>&, TruncationWorkspace<T>&, T*);  \
  template TruncationResult truncated_loss(const ThetaLayout&, const T*, const Architecture&,     \
                                           std::vector<T>&, const TruncationSettings<T>&,         \
                                           TruncationData<T>&, Tape<T>&);                         \
  template void unroll(const ThetaLayout&, const T*, const Architecture&, std::vector<T>&, int,   \
                       const TruncationSettings<T>&, TruncationData<T>&, Tape<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
