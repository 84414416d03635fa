#include "rule/pure_step.h"

#include <cmath>

#include "rule/constants.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

template <class T>
void seed_phi_bar(Tape<T>& tape, const PhiVars<T>& next, const Architecture& architecture,
                  const T* phi_bar) {
  for_each_of_phi(next, architecture, [&](const Var<T>& value, std::int64_t offset) {
    const Bar<T> bar = tape.bar_for_writing(value);
    kernels<T>().add_to(phi_bar + offset, value.size(), bar.accumulate, bar.data);
  });
}

// bar [U_lo,U_up] times the columns of W, each over its root mean square.
template <class T>
T along_columns(const T* bar, const Var<T>& W, double eps) {
  T sum = 0;
  const int rows = W.rows(), cols = W.cols();
  for (int u = 0; u < cols; ++u) {
    T square = 0, along = 0;
    for (int i = 0; i < rows; ++i) {
      const T w = W.data[i * cols + u];
      square += w * w, along += bar[i * cols + u] * w;
    }
    sum += along / std::sqrt(T(eps) + square / T(rows));
  }
  return sum;
}

// W, V and b all move in proportion to inner_lr, b to bias_pace too, and W and V to keep along
// their columns.
template <class T>
void add_step_bar(const StepSpec<T>& spec, const PhiVars<T>& phi, const PhiVars<T>& next,
                  const T* phi_bar, StepBar<T>& step_bar) {
  const StepSettings<T>& settings = spec.settings;
  const RuleSizes& sizes = spec.layout.sizes();
  const double eps = sizes.is_metz2019() ? kReleased.column_eps : kRule.column_eps;
  const auto along = [&](const Var<T>& from, const Var<T>& to, std::int64_t offset) {
    T sum = 0;
    for (std::ptrdiff_t i = 0; i < from.size(); ++i)
      sum += phi_bar[offset + i] * (to.data[i] - from.data[i]);
    return sum;
  };
  for (int l = 1; l <= next.num_layers; ++l) {
    const auto at = static_cast<std::size_t>(l);
    const LayerOffsets offsets = layer_offsets(spec.architecture, l);
    const T of_bias = along(phi.b[at], next.b[at], offsets.b);
    step_bar.inner_lr += (along(phi.W[at], next.W[at], offsets.W) +
                          along(phi.V[at], next.V[at], offsets.V) + of_bias) /
                         settings.inner_lr;
    step_bar.bias_pace += of_bias / settings.bias_pace;
    // V takes the step of W, or has one of its own.
    const Var<T>& of_V = sizes.has_v_step() ? phi.V[at] : phi.W[at];
    step_bar.keep += settings.inner_lr * (along_columns(phi_bar + offsets.W, phi.W[at], eps) +
                                          along_columns(phi_bar + offsets.V, of_V, eps));
  }
}

}  // namespace

template <class T>
void collect_phi_bar(Tape<T>& tape, const PhiVars<T>& phi, const Architecture& architecture,
                     bool accumulate, T* phi_bar) {
  for_each_of_phi(phi, architecture, [&](const Var<T>& leaf, std::int64_t offset) {
    kernels<T>().add_to(tape.bar(leaf), leaf.size(), accumulate, phi_bar + offset);
  });
}

template <class T>
void pure_step(Tape<T>& tape, const StepSpec<T>& spec, const T* phi, const StepBatch<T>& batch,
               const T* theta, T* phi_next) {
  tape.reset(false);
  const Var<T> x = tape.constant(batch.x, spec.architecture.num_inputs(), 1, batch.B);
  const PhiVars<T> next = inner_step(tape, theta_leaves(tape, spec.layout, theta),
                                     phi_leaves(tape, spec.architecture, phi),
                                     spec.architecture.activation, x, spec.settings);
  copy_phi(next, spec.architecture, phi_next);
}

template <class T>
RecordedStep<T> record_step(Tape<T>& tape, const StepSpec<T>& spec, const T* phi,
                            const StepBatch<T>& batch, const T* theta, bool wants_x,
                            bool wants_settings) {
  static constexpr T kZero = 0;
  RecordedStep<T> step;
  step.first_closure = tape.num_recorded();
  StepSettings<T> settings = spec.settings;
  if (wants_settings) {
    step.share_leaf = tape.leaf(&kZero, 1, 1);
    settings.share_leaf = &step.share_leaf;
  }
  const int U = spec.architecture.num_inputs();
  step.x = wants_x ? tape.leaf(batch.x, U, 1, batch.B) : tape.constant(batch.x, U, 1, batch.B);
  step.theta = theta_leaves(tape, spec.layout, theta);
  step.phi = phi_leaves(tape, spec.architecture, phi);
  step.next =
      inner_step(tape, step.theta, step.phi, spec.architecture.activation, step.x, settings);
  return step;
}

template <class T>
void recorded_step_vjp(Tape<T>& tape, const StepSpec<T>& spec, const RecordedStep<T>& step,
                       T* phi_bar, T* x_bar, T* theta_bar, StepBar<T>* step_bar) {
  if (step_bar) add_step_bar(spec, step.phi, step.next, phi_bar, *step_bar);
  seed_phi_bar(tape, step.next, spec.architecture, phi_bar);
  tape.backward(step.first_closure);
  if (step_bar) step_bar->homeostatic_share += tape.bar(step.share_leaf)[0];
  collect_phi_bar(tape, step.phi, spec.architecture, false, phi_bar);
  if (x_bar) kernels<T>().add_to(tape.bar(step.x), step.x.size(), true, x_bar);
  for (std::size_t i = 0; i < spec.layout.entries().size(); ++i) {
    const Var<T>& leaf = step.theta.vars[i];
    kernels<T>().add_to(tape.bar(leaf), leaf.size(), true,
                        theta_bar + spec.layout.entries()[i].offset);
  }
}

template <class T>
void pure_step_vjp(Tape<T>& tape, const StepSpec<T>& spec, const T* phi, const StepBatch<T>& batch,
                   const T* theta, T* phi_bar, T* x_bar, T* theta_bar, StepBar<T>* step_bar) {
  tape.reset(true);
  const RecordedStep<T> step =
      record_step(tape, spec, phi, batch, theta, x_bar != nullptr, step_bar != nullptr);
  recorded_step_vjp(tape, spec, step, phi_bar, x_bar, theta_bar, step_bar);
}

#define METAPLASTIC_INSTANTIATE(T)                                                               \
  template void collect_phi_bar(Tape<T>&, const PhiVars<T>&, const Architecture&, bool, T*);     \
  template void pure_step(Tape<T>&, const StepSpec<T>&, const T*, const StepBatch<T>&, const T*, \
                          T*);                                                                   \
  template RecordedStep<T> record_step(Tape<T>&, const StepSpec<T>&, const T*,                   \
                                       const StepBatch<T>&, const T*, bool, bool);               \
  template void recorded_step_vjp(Tape<T>&, const StepSpec<T>&, const RecordedStep<T>&, T*, T*,  \
                                  T*, StepBar<T>*);                                              \
  template void pure_step_vjp(Tape<T>&, const StepSpec<T>&, const T*, const StepBatch<T>&,       \
                              const T*, T*, T*, T*, StepBar<T>*);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
