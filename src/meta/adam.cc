#include "meta/adam.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace metaplastic {
namespace {

constexpr double kAdamEps = 1e-8;

}  // namespace

OuterState start_outer_state(std::vector<float> theta) {
  OuterState state;
  state.average = theta;
  state.moment1.assign(theta.size(), 0.0f);
  state.moment2.assign(theta.size(), 0.0f);
  state.theta = std::move(theta);
  return state;
}

std::int64_t cooldown_start(const OuterConfig& config) {
  return config.outer_steps - static_cast<std::int64_t>(config.cooldown * config.outer_steps);
}

double outer_lr_at(const OuterConfig& config, std::int64_t outer_step) {
  const double step = static_cast<double>(outer_step);
  const double warmup =
      config.warmup_steps > 0 ? std::min(1.0, (step + 1) / config.warmup_steps) : 1.0;
  const double lr = config.outer_lr * warmup / std::sqrt(1.0 + step / config.decay_steps);
  const std::int64_t start = cooldown_start(config);
  if (outer_step < start) return lr;
  // From n / (n + 1) to 1 / (n + 1) in n steps.
  return lr * static_cast<double>(config.outer_steps - outer_step) /
         static_cast<double>(config.outer_steps - start + 1);
}

double clip_norm(std::span<float> values, double max_norm) {
  double square = 0;
  for (const float value : values) square += static_cast<double>(value) * value;
  const double norm = std::sqrt(square);
  if (norm > max_norm) {
    const auto factor = static_cast<float>(max_norm / norm);
    for (float& value : values) value *= factor;
  }
  return norm;
}

void keep_trained(const ThetaLayout& layout, const std::vector<std::string>& names,
                  std::span<float> values) {
  for (const ThetaName measured : {ThetaName::kTraitsMean, ThetaName::kTraitsScale}) {
    if (layout.has(measured))
      std::fill_n(values.begin() + layout[measured].offset, layout[measured].size(), 0.0f);
  }
  if (names.empty()) return;
  for (const ThetaEntry& entry : layout.entries()) {
    if (std::ranges::find(names, entry.name) == names.end())
      std::fill_n(values.begin() + entry.offset, entry.size(), 0.0f);
  }
}

void adam_step(const OuterConfig& config, const ThetaLayout& layout,
               std::span<const float> gradient, OuterState& state) {
  METAPLASTIC_CHECK(gradient.size() == state.theta.size() &&
                    gradient.size() == static_cast<std::size_t>(layout.size()));
  std::vector<double> steps(gradient.size(), outer_lr_at(config, state.outer_step));
  const auto scale = [&](ThetaName name, double factor) {
    if (!layout.has(name)) return;
    const auto first = steps.begin() + layout[name].offset;
    std::for_each_n(first, layout[name].size(), [&](double& lr) { lr *= factor; });
  };
  const double by_trait_unit = 1.0 / layout.sizes().trait_units;
  scale(ThetaName::kSettings, config.settings_step);
  scale(ThetaName::kTraitsSettings, config.settings_step * by_trait_unit);
  scale(ThetaName::kTraitsMix, by_trait_unit);
  const auto t = static_cast<double>(state.outer_step + 1);
  const double correct1 = 1 - std::pow(config.beta1, t), correct2 = 1 - std::pow(config.beta2, t);
  // The average follows closely at first, so that it forgets the start.
  const double keep = std::min(config.ema_decay, t / (10 + t));
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double g = gradient[i];
    const double m = config.beta1 * state.moment1[i] + (1 - config.beta1) * g;
    const double v = config.beta2 * state.moment2[i] + (1 - config.beta2) * g * g;
    state.moment1[i] = static_cast<float>(m);
    state.moment2[i] = static_cast<float>(v);
    const double change = steps[i] * (m / correct1) / (std::sqrt(v / correct2) + kAdamEps);
    state.theta[i] = static_cast<float>(state.theta[i] - change);
    state.average[i] = static_cast<float>(keep * state.average[i] + (1 - keep) * state.theta[i]);
  }
  ++state.outer_step;
}

}  // namespace metaplastic
