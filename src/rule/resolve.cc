#include "rule/resolve.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace metaplastic {
namespace {

// Standardised traits are cut off here: beyond, no task has been seen.
constexpr double kFarthestTrait = 3;

template <class T>
std::vector<T> standardised(const ThetaLayout& layout, const T* theta, const Traits& traits) {
  std::vector<T> t(kNumTraits, T(0));
  const T* mean = theta + layout[ThetaName::kTraitsMean].offset;
  const T* scale = theta + layout[ThetaName::kTraitsScale].offset;
  for (std::size_t n = 0; n < kNumTraits; ++n) {
    if (scale[n] <= T(0)) continue;  // a trait that the rule does not know
    t[n] = static_cast<T>(
        std::clamp((traits[n] - static_cast<double>(mean[n])) / static_cast<double>(scale[n]),
                   -kFarthestTrait, kFarthestTrait));
  }
  return t;
}

// u [H].
template <class T>
std::vector<T> hidden_units(const ThetaLayout& layout, const T* theta, const std::vector<T>& t) {
  const auto H = static_cast<std::size_t>(layout.sizes().trait_units);
  const T* in = theta + layout[ThetaName::kTraitsIn].offset;  // [H,T]
  const T* bias = theta + layout[ThetaName::kTraitsInBias].offset;
  std::vector<T> u(H);
  for (std::size_t h = 0; h < H; ++h) {
    T sum = bias[h];
    for (std::size_t n = 0; n < t.size(); ++n) sum += in[h * t.size() + n] * t[n];
    u[h] = std::tanh(sum);
  }
  return u;
}

// out [n] += u [H] times weights [H,n].
template <class T>
void add_product(const std::vector<T>& u, const T* weights, std::size_t n, T* out) {
  for (std::size_t h = 0; h < u.size(); ++h)
    for (std::size_t k = 0; k < n; ++k) out[k] += u[h] * weights[h * n + k];
}
template <class T>
void add_product_vjp(const std::vector<T>& u, const T* weights, std::size_t n, const T* out_bar,
                     std::vector<T>& u_bar, T* weights_bar) {
  for (std::size_t h = 0; h < u.size(); ++h)
    for (std::size_t k = 0; k < n; ++k) {
      u_bar[h] += weights[h * n + k] * out_bar[k];
      weights_bar[h * n + k] += u[h] * out_bar[k];
    }
}

std::int64_t plain_size(const ThetaLayout& layout) {
  return layout.has(ThetaName::kSettings) ? layout[ThetaName::kSettings].offset : layout.size();
}

// Of the row of that kind.
std::int64_t settings_offset(const ThetaLayout& layout, ExampleKind kind) {
  const ThetaEntry& entry = layout[ThetaName::kSettings];
  return entry.offset + std::int64_t{entry.cols} * static_cast<int>(kind);
}

void check_names(const ThetaLayout& layout) {
  const ConditionNames& names = layout.conditions();
  METAPLASTIC_CHECK(names.settings.size() == kNumSettings && names.traits.size() == kNumTraits &&
                    names.kinds.size() == kNumExampleKinds);
}

}  // namespace

RuleSizes plain_sizes(const RuleSizes& sizes) {
  RuleSizes plain = sizes;
  plain.settings = RuleSizes{}.settings;
  plain.trait_units = RuleSizes{}.trait_units;
  plain.metric = RuleSizes{}.metric;
  return plain;
}

template <class T>
ResolvedTheta<T> resolve_theta(const ThetaLayout& layout, const T* theta,
                               const DataProfile& profile) {
  check_names(layout);
  ResolvedTheta<T> resolved;
  resolved.theta.assign(theta, theta + plain_size(layout));
  if (!layout.has(ThetaName::kSettings)) return resolved;
  std::copy_n(theta + settings_offset(layout, profile.kind), kNumSettings, resolved.raw.begin());
  if (!layout.has(ThetaName::kTraitsIn)) return resolved;
  const std::vector<T> u = hidden_units(layout, theta, standardised(layout, theta, profile.traits));
  add_product(u, theta + layout[ThetaName::kTraitsMix].offset,
              static_cast<std::size_t>(layout.num_terms()),
              resolved.theta.data() + layout[ThetaName::kMix].offset);
  add_product(u, theta + layout[ThetaName::kTraitsSettings].offset, kNumSettings,
              resolved.raw.data());
  return resolved;
}

template <class T>
void resolve_theta_vjp(const ThetaLayout& layout, const T* theta, const DataProfile& profile,
                       const T* plain_bar, const RawSettings<T>& raw_bar, T* theta_bar) {
  for (std::int64_t i = 0; i < plain_size(layout); ++i) theta_bar[i] += plain_bar[i];
  if (!layout.has(ThetaName::kSettings)) return;
  for (std::size_t n = 0; n < kNumSettings; ++n)
    theta_bar[settings_offset(layout, profile.kind) + static_cast<std::int64_t>(n)] += raw_bar[n];
  if (!layout.has(ThetaName::kTraitsIn)) return;
  const std::vector<T> t = standardised(layout, theta, profile.traits),
                       u = hidden_units(layout, theta, t);
  std::vector<T> u_bar(u.size(), T(0));
  const auto at = [&](ThetaName name) { return layout[name].offset; };
  add_product_vjp(u, theta + at(ThetaName::kTraitsMix),
                  static_cast<std::size_t>(layout.num_terms()), plain_bar + at(ThetaName::kMix),
                  u_bar, theta_bar + at(ThetaName::kTraitsMix));
  add_product_vjp(u, theta + at(ThetaName::kTraitsSettings), kNumSettings, raw_bar.data(), u_bar,
                  theta_bar + at(ThetaName::kTraitsSettings));
  for (std::size_t h = 0; h < u.size(); ++h) {
    const T sum_bar = u_bar[h] * (T(1) - u[h] * u[h]);
    theta_bar[at(ThetaName::kTraitsInBias) + static_cast<std::int64_t>(h)] += sum_bar;
    T* in_bar = theta_bar + at(ThetaName::kTraitsIn) + static_cast<std::int64_t>(h * t.size());
    for (std::size_t n = 0; n < t.size(); ++n) in_bar[n] += sum_bar * t[n];
  }
}

ResolvedRule resolve(const Rule& rule, const DataProfile& profile) {
  METAPLASTIC_CHECK(rule.sizes.has_settings());
  const ThetaLayout layout(rule.sizes);
  ResolvedTheta<float> found = resolve_theta(layout, rule.theta.data(), profile);
  ResolvedRule resolved{rule, settings_of(found.raw, rule.sizes, profile.kind, rule.inner)};
  resolved.rule.sizes = plain_sizes(rule.sizes);
  resolved.rule.theta = std::move(found.theta);
  InnerSettings& inner = resolved.rule.inner;
  inner.inner_lr = resolved.settings[SettingName::kStep];
  inner.weight_std = resolved.settings[SettingName::kWeights];
  inner.bias_std = resolved.settings[SettingName::kBiases];
  inner.phi_mean_share = resolved.settings[SettingName::kAveraging];
  return resolved;
}

#define METAPLASTIC_INSTANTIATE(T)                                                            \
  template ResolvedTheta<T> resolve_theta(const ThetaLayout&, const T*, const DataProfile&);  \
  template void resolve_theta_vjp(const ThetaLayout&, const T*, const DataProfile&, const T*, \
                                  const RawSettings<T>&, T*);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
