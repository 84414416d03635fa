#include "meta/inner_run.h"

#include "meta/first_phi.h"

namespace metaplastic {

InnerRun run_inner(const MetaConfig& config, std::span<const float> theta,
                   const Architecture& architecture, std::vector<float> phi, int num_steps,
                   const std::set<int>& stops, TaskData& data, Tape<float>& tape) {
  const ThetaLayout layout(config.rule), plain(plain_sizes(config.rule));
  TruncationSettings<float> step_settings = truncation_settings(config, 1);
  const DataProfile profile = config.rule.has_settings() ? data.profile() : DataProfile{};
  const ResolvedTheta<float> resolved = resolve_theta(layout, theta.data(), profile);
  double mean_share = config.inner.phi_mean_share;
  if (config.rule.has_settings()) {
    const RuleSettings settings =
        settings_of(resolved.raw, config.rule, profile.kind, config.inner_settings());
    mean_share = settings[SettingName::kAveraging];
    scale_first_phi(architecture, config.inner_settings(), settings, phi);
    use_step_settings(settings, step_settings);
    data.use_settings(settings.views());
  }
  InnerRun run;
  run.inputs = step_settings.inputs;
  std::vector<float> mean = phi;
  for (int step = 0; step < num_steps; ++step) {
    data.move_to(static_cast<std::uint32_t>(step), 1);
    unroll(plain, resolved.theta.data(), architecture, phi, 1, step_settings, data, tape);
    update_phi_mean(mean, phi, mean_share, step + 1);
    if (stops.contains(step + 1)) run.states.push_back(mean);
  }
  return run;
}

}  // namespace metaplastic
