#include "bench/step_case.h"

#include <algorithm>

#include "base/nearest.h"
#include "base/text.h"
#include "rule/inner_step.h"

namespace metaplastic {
namespace {

StepCase compact(std::string name, std::vector<int> widths, int B, int C, int D, int G) {
  StepCase result;
  result.name = std::move(name);
  result.sizes.C = C;
  result.sizes.D = D;
  result.sizes.G = G;
  result.architecture.widths = std::move(widths);
  result.B = B;
  return result;
}

StepCase metz2019(std::string name, std::vector<int> widths, int B) {
  StepCase result = compact(std::move(name), std::move(widths), B, 64, 32, 4);
  result.sizes.preset = "metz2019";
  result.sizes.top_units = result.architecture.num_features();
  return result;
}

const std::vector<StepCase>& all_cases() {
  static const std::vector<StepCase> kCases = {
      compact("compact-small", {196, 64, 64, 32}, 64, 16, 8, 4),
      compact("compact-large", {196, 128, 128, 128, 32}, 128, 32, 16, 4),
      metz2019("metz2019", {196, 128, 128, 128, 128, 32}, 128),
      compact("gate", {36, 24, 16}, 32, 16, 8, 4),
  };
  return kCases;
}

}  // namespace

const std::vector<StepCase>& step_cases() {
  static const std::vector<StepCase> kTimed(all_cases().begin(), all_cases().end() - 1);
  return kTimed;
}

const StepCase& find_step_case(std::string_view name) {
  std::vector<std::string> names;
  for (const StepCase& step_case : all_cases()) {
    if (step_case.name == name) return step_case;
    names.push_back(step_case.name);
  }
  fail("expected a case ({}), found {}; did you mean '{}'?", fmt::join(names, ", "),
       quote_text(name), nearest_name(name, names));
}

StepInputs make_step_inputs(const StepCase& step_case) {
  const ThetaLayout layout(step_case.sizes);
  StepInputs inputs;
  inputs.theta = random_theta(layout, 1);
  inputs.phi = make_phi<float>(step_case.architecture, {}, Random(1, Purpose::kPhiInit));
  Random data(1, Purpose::kInnerBatch), bars(1, Purpose::kEstimator);
  inputs.x.resize(static_cast<std::size_t>(step_case.architecture.num_inputs()) *
                  static_cast<std::size_t>(step_case.B));
  std::ranges::generate(inputs.x, [&] { return data.uniform(); });
  inputs.next_bar.resize(inputs.phi.size());
  std::ranges::generate(inputs.next_bar, [&] { return bars.normal(); });
  return inputs;
}

template <class T>
StepRunner<T>::StepRunner(const StepCase& step_case, const StepInputs& inputs)
    : case_(step_case),
      layout_(step_case.sizes),
      theta_(inputs.theta.begin(), inputs.theta.end()),
      phi_(inputs.phi.begin(), inputs.phi.end()),
      x_(inputs.x.begin(), inputs.x.end()),
      next_bar_(inputs.next_bar.begin(), inputs.next_bar.end()),
      next_(inputs.phi.size()) {}

template <class T>
PhiVars<T> StepRunner<T>::step(bool record) {
  tape_.reset(record);
  theta_vars_ = theta_leaves(tape_, layout_, theta_.data());
  phi_vars_ = phi_leaves(tape_, case_.architecture, phi_.data());
  const Var<T> x = tape_.constant(x_.data(), case_.architecture.num_inputs(), 1, case_.B);
  return inner_step(tape_, theta_vars_, phi_vars_, case_.architecture.activation, x,
                    {.inner_lr = T(kBenchInnerLr)});
}

template <class T>
void StepRunner<T>::forward() {
  step(true);
}

template <class T>
void StepRunner<T>::forward_adjoint() {
  const PhiVars<T> next = step(true);
  const auto seed = [&](const Var<T>& value, std::int64_t offset) {
    const Bar<T> bar = tape_.bar_for_writing(value);
    kernels<T>().add_to(next_bar_.data() + offset, value.size(), bar.accumulate, bar.data);
  };
  for (int l = 1; l <= next.num_layers; ++l) {
    const auto at = static_cast<std::size_t>(l);
    const LayerOffsets offsets = layer_offsets(case_.architecture, l);
    seed(next.W[at], offsets.W);
    seed(next.V[at], offsets.V);
    seed(next.b[at], offsets.b);
  }
  tape_.backward();
}

template <class T>
void StepRunner<T>::apply() {
  copy_phi(step(false), case_.architecture, next_.data());
}

template <class T>
std::vector<T> StepRunner<T>::theta_bar() {
  std::vector<T> result(theta_.size());
  for (std::size_t i = 0; i < layout_.entries().size(); ++i) {
    const Var<T>& leaf = theta_vars_.vars[i];
    std::copy_n(tape_.bar(leaf), leaf.size(), result.begin() + layout_.entries()[i].offset);
  }
  return result;
}

template <class T>
std::vector<T> StepRunner<T>::phi_bar() {
  std::vector<T> result(phi_.size());
  for (int l = 1; l <= phi_vars_.num_layers; ++l) {
    const auto at = static_cast<std::size_t>(l);
    const LayerOffsets offsets = layer_offsets(case_.architecture, l);
    const auto copy = [&](const Var<T>& leaf, std::int64_t offset) {
      std::copy_n(tape_.bar(leaf), leaf.size(), result.begin() + offset);
    };
    copy(phi_vars_.W[at], offsets.W);
    copy(phi_vars_.V[at], offsets.V);
    copy(phi_vars_.b[at], offsets.b);
  }
  return result;
}

template class StepRunner<float>;
template class StepRunner<double>;

}  // namespace metaplastic
