// A rule whose mix and settings follow the data (rule.settings): from traits of unlabelled data to
// a plain rule. Whatever comes after knows of no traits.
//
//   t   = clamp((traits - traits_mean) / traits_scale)      [T]
//   u   = tanh(traits_in t + traits_in_bias)                [H]
//   mix = mix + u traits_mix,  raw = settings of the kind of examples + u traits_settings
//
// traits_mean and traits_scale are measured on tasks of meta-training (meta/task_traits.h).
// [docs/method.md, "Settings that follow the data"; not in the paper]
#pragma once

#include <vector>

#include "neighbours/traits.h"
#include "rule/rule_file.h"
#include "rule/rule_settings.h"
#include "rule/theta.h"

namespace metaplastic {

// The sizes without settings and traits.
RuleSizes plain_sizes(const RuleSizes& sizes);

template <class T>
struct ResolvedTheta {
  std::vector<T> theta;  // of ThetaLayout(plain_sizes(layout.sizes()))
  RawSettings<T> raw{};  // rule_settings.h
};
// theta [layout.size()]. A plain layout's theta is copied.
template <class T>
ResolvedTheta<T> resolve_theta(const ThetaLayout& layout, const T* theta,
                               const DataProfile& profile);

// Adds d loss / d theta to theta_bar [layout.size()], from the bars of resolve_theta's result.
template <class T>
void resolve_theta_vjp(const ThetaLayout& layout, const T* theta, const DataProfile& profile,
                       const T* plain_bar, const RawSettings<T>& raw_bar, T* theta_bar);

struct ResolvedRule {
  Rule rule;  // plain; its inner loop has the numbers of the settings
  RuleSettings settings;
};
// A rule with settings.
ResolvedRule resolve(const Rule& rule, const DataProfile& profile);

}  // namespace metaplastic
