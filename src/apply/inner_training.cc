#include "apply/inner_training.h"

#include <bit>

#include "base/error.h"

namespace metaplastic {
namespace {

void check_finite(const std::vector<float>& phi, int inner_step, const ApplyOptions& options) {
  // All exponent bits are set in what is not finite. Without branches the loop runs in vectors.
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t num_others = 0;
  for (const float v : phi)
    num_others += (std::bit_cast<std::uint32_t>(v) & kExponent) == kExponent;
  if (num_others == 0) return;
  fail(
      "apply: expected finite weights, found others after inner step {} (seed {}); the rule does "
      "not fit this data, try fewer inner steps or another rule",
      inner_step, options.seed);
}

InnerState start_of(const Rule& rule, const Architecture& architecture,
                    const ApplyOptions& options) {
  if (options.start) return *options.start;
  InnerState state;
  state.phi =
      make_phi<float>(architecture, rule.inner.phi_init(), Random(options.seed, Purpose::kPhiInit));
  state.mean = state.phi;
  return state;
}

}  // namespace

InnerTraining::InnerTraining(const Rule& rule, const Architecture& architecture,
                             const ApplyOptions& options, double homeostatic_share,
                             ThreadPool* threads)
    : rule_(rule),
      architecture_(architecture),
      options_(options),
      used_(used_part(ThetaLayout(rule.sizes), rule.theta)),
      state_(start_of(rule, architecture, options)),
      order_(rule.sizes, architecture.num_inputs(), options.seed),
      settings_{static_cast<float>(rule.inner.inner_lr), static_cast<float>(homeostatic_share)} {
  METAPLASTIC_CHECK(static_cast<std::int64_t>(state_.phi.size()) == architecture.phi_size() &&
                    state_.mean.size() == state_.phi.size());
  tape_.use_threads(threads);
}

void InnerTraining::take_step(std::span<const float> batch, int step) {
  const int U = architecture_.num_inputs();
  const std::span<const float> inputs = order_.inputs(batch);
  std::vector<float>& phi = state_.phi;
  order_.to_rule(architecture_, phi);
  tape_.reset(false);
  const Var<float> x = tape_.constant(inputs.data(), U, 1, static_cast<int>(inputs.size()) / U);
  const PhiVars<float> next = inner_step(
      tape_, theta_leaves(tape_, used_.layout, used_.theta.data()),
      phi_leaves(tape_, architecture_, phi.data()), architecture_.activation, x, settings_);
  copy_phi(next, architecture_, phi.data());
  order_.to_data(architecture_, phi);
  check_finite(phi, step, options_);
  update_phi_mean(state_.mean, phi, rule_.inner.phi_mean_share, ++state_.inner_steps);
}

}  // namespace metaplastic
