// One trajectory as estimators see it: theta is resolved by the traits of its task.
#include <algorithm>

#include "meta/adam.h"
#include "meta/first_phi.h"
#include "meta/trajectory.h"

namespace metaplastic {
namespace {

// Those that anything of the rule depends on for some examples.
std::vector<SettingName> rough_settings(const RuleSizes& sizes) {
  std::vector<SettingName> names;
  for (std::size_t n = 0; n < kNumSettings; ++n) {
    const auto name = static_cast<SettingName>(n);
    if (!setting_rows()[n].smooth && setting_acts(name, sizes, ExampleKind::kShapes))
      names.push_back(name);
  }
  return names;
}

// What a number of the mix is shifted by where a raw setting is shifted by 1.
constexpr float kMixUnit = 1.0f / 3;

template <class T>
T& at(RawSettings<T>& raw, SettingName name) {
  return raw[static_cast<std::size_t>(name)];
}

}  // namespace

TrajectoryProblem::TrajectoryProblem(const MetaConfig& config, const ThetaLayout& layout,
                                     std::uint64_t seed, std::uint64_t task_index, Slot& slot,
                                     TrajectoryWorkspace& workspace)
    : config_(config),
      layout_(layout),
      plain_(plain_sizes(layout.sizes())),
      seed_(seed),
      task_index_(task_index),
      slot_(slot),
      workspace_(workspace) {}

Window TrajectoryProblem::window(std::int64_t inner_step, std::int64_t truncation) const {
  return draw_window(config_, seed_, task_index_, inner_step, truncation);
}

void TrajectoryProblem::keep_trained(std::span<float> perturbation) const {
  metaplastic::keep_trained(layout_, config_.outer.trained, perturbation);
}

std::size_t TrajectoryProblem::num_shifted(Shifted which) const {
  if (!layout_.has(ThetaName::kSettings)) return 0;
  if (which == Shifted::kMixAndSettings)
    return static_cast<std::size_t>(plain_.num_terms()) + kNumSettings;
  return rough_settings(layout_.sizes()).size();
}

void TrajectoryProblem::shift(Shifted which, std::span<const float> shift) {
  METAPLASTIC_CHECK(shift.size() == num_shifted(which));
  shift_ = {};
  mix_shift_.clear();
  if (which == Shifted::kRough) {
    const std::vector<SettingName> names = rough_settings(layout_.sizes());
    for (std::size_t i = 0; i < names.size(); ++i) at(shift_, names[i]) = shift[i];
    return;
  }
  const std::span<const float> of_mix = shift.first(shift.size() - kNumSettings);
  for (const float value : of_mix) mix_shift_.push_back(kMixUnit * value);
  std::ranges::copy(shift.last(kNumSettings), shift_.begin());
}

void TrajectoryProblem::add_shift_bar(Shifted which, std::span<const float> theta,
                                      std::span<const float> bar, std::span<float> theta_bar) {
  METAPLASTIC_CHECK(bar.size() == num_shifted(which));
  RawSettings<float> raw_bar{};
  std::vector<float> plain_bar(static_cast<std::size_t>(plain_.size()), 0.0f);
  if (which == Shifted::kRough) {
    const std::vector<SettingName> names = rough_settings(layout_.sizes());
    for (std::size_t i = 0; i < names.size(); ++i) at(raw_bar, names[i]) = bar[i];
  } else {
    const auto mix = static_cast<std::size_t>(plain_[ThetaName::kMix].offset);
    for (std::size_t k = 0; k < bar.size() - kNumSettings; ++k)
      plain_bar[mix + k] = bar[k] / kMixUnit;
    std::ranges::copy(bar.last(kNumSettings), raw_bar.begin());
  }
  const ExampleKind kind = slot_.profile.value_or(DataProfile{}).kind;
  for (std::size_t n = 0; n < kNumSettings; ++n)
    if (!setting_acts(static_cast<SettingName>(n), layout_.sizes(), kind)) raw_bar[n] = 0;
  resolve_vjp(theta, plain_bar, raw_bar, theta_bar);
}

void TrajectoryProblem::resolve_vjp(std::span<const float> theta, std::span<const float> plain_bar,
                                    const RawSettings<float>& raw_bar,
                                    std::span<float> theta_bar) const {
  resolve_theta_vjp(layout_, theta.data(), slot_.profile.value_or(DataProfile{}), plain_bar.data(),
                    raw_bar, theta_bar.data());
}

TrajectoryProblem::Resolved TrajectoryProblem::start(const Window& window,
                                                     std::span<const float> theta,
                                                     std::vector<float>& phi) {
  TaskData& data = workspace_.data;
  const bool fresh = started_ != window.truncation;
  if (fresh) {
    data.start(*slot_.task, static_cast<std::uint32_t>(window.first_step), window.K,
               slot_.settings.inner_batch, config_, slot_.metric, slot_.settings.rows);
    started_ = window.truncation;
  }
  const bool has_settings = layout_.has(ThetaName::kSettings);
  if (has_settings && !slot_.profile) slot_.profile = data.profile();
  const DataProfile profile = slot_.profile.value_or(DataProfile{});
  Resolved resolved{
      truncation_settings(config_, window.K), resolve_theta(layout_, theta.data(), profile), {}};
  if (!has_settings) return resolved;
  RawSettings<float>& raw = resolved.theta.raw;
  for (std::size_t n = 0; n < raw.size(); ++n) raw[n] += shift_[n];
  const auto mix = static_cast<std::size_t>(plain_[ThetaName::kMix].offset);
  for (std::size_t k = 0; k < mix_shift_.size(); ++k)
    resolved.theta.theta[mix + k] += mix_shift_[k];
  const RuleSettings& settings = resolved.settings =
      settings_of(raw, config_.rule, profile.kind, config_.inner_settings());
  if (window.first_step == 0)
    scale_first_phi(slot_.settings.architecture, config_.inner_settings(), settings, phi);
  if (fresh || settings.views() != views_) data.use_settings(settings.views());
  views_ = settings.views();
  use_step_settings(settings, resolved.truncation);
  resolved.truncation.step_gradient = true;
  return resolved;
}

RawSettings<float> TrajectoryProblem::raw_bar_of(const FirstPhiBar& first,
                                                 const RawSettings<float>& raw) const {
  RawSettings<float> raw_bar{};
  const ExampleKind kind = slot_.profile->kind;
  const InnerSettings inner = config_.inner_settings();
  const auto put = [&](SettingName name, double value_bar) {
    const auto n = static_cast<std::size_t>(name);
    const double usual = usual_setting(name, kind, inner);
    raw_bar[n] =
        static_cast<float>(value_bar * setting_slope(name, usual, static_cast<double>(raw[n])));
  };
  const StepBar<float>& step_bar = workspace_.truncation.step_bar;
  put(SettingName::kStep, static_cast<double>(step_bar.inner_lr));
  put(SettingName::kBiasPace, static_cast<double>(step_bar.bias_pace));
  put(SettingName::kKeep, static_cast<double>(step_bar.keep));
  put(SettingName::kShare, static_cast<double>(step_bar.homeostatic_share));
  put(SettingName::kInputs, static_cast<double>(workspace_.truncation.inputs_bar));
  put(SettingName::kWeights, first.weights);
  put(SettingName::kBiases, first.biases);
  return raw_bar;
}

void TrajectoryProblem::advance(const Window& window, std::span<const float> theta,
                                std::vector<float>& phi) {
  const Resolved resolved = start(window, theta, phi);
  unroll(plain_, resolved.theta.theta.data(), slot_.settings.architecture, phi, window.K,
         resolved.truncation, workspace_.data, workspace_.truncation.tape);
}

TruncationResult TrajectoryProblem::loss(const Window& window, std::span<const float> theta,
                                         std::vector<float>& phi) {
  const Resolved resolved = start(window, theta, phi);
  return truncated_loss(plain_, resolved.theta.theta.data(), slot_.settings.architecture, phi,
                        resolved.truncation, workspace_.data, workspace_.truncation.tape);
}

TruncationResult TrajectoryProblem::gradient(const Window& window, std::span<const float> theta,
                                             std::vector<float>& phi, std::span<float> theta_bar) {
  const Resolved resolved = start(window, theta, phi);
  const auto run = [&](float* plain_bar) {
    return truncated_gradient(plain_, resolved.theta.theta.data(), slot_.settings.architecture, phi,
                              resolved.truncation, workspace_.data, workspace_.truncation,
                              plain_bar);
  };
  if (!layout_.has(ThetaName::kSettings)) return run(theta_bar.data());
  std::vector<float> plain_bar(static_cast<std::size_t>(plain_.size()), 0.0f);
  const TruncationResult result = run(plain_bar.data());
  FirstPhiBar first_bar;
  if (window.first_step == 0) {
    const std::span<const float> first(workspace_.truncation.states.data(), phi.size());
    first_bar = first_phi_bar(slot_.settings.architecture, resolved.settings, first,
                              workspace_.truncation.phi_bar);
  }
  const RawSettings<float> raw_bar = raw_bar_of(first_bar, resolved.theta.raw);
  resolve_vjp(theta, plain_bar, raw_bar, theta_bar);
  return result;
}

}  // namespace metaplastic
