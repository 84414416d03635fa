#include "rule/classical.h"

#include <algorithm>

#include "base/error.h"
#include "rule/constants.h"
#include "rule/convert_theta.h"
#include "rule/rule_settings.h"
#include "rule/terms.h"

namespace metaplastic {

const std::vector<ClassicalRule>& classical_rules() {
  static const std::vector<ClassicalRule> kRules = {
      {"hebb",
       "Hebb's rule: weights follow the correlation of the neurons they join",
       {{"hebb", 0.3f}}},
      {"hebb-decorrelate",
       "Hebbian forward weights with anti-Hebbian competition between the units of a layer",
       {{"hebb", 0.3f}, {"decorrelate", 0.1f}}},
      {"oja",
       "after Oja: Hebb's rule with a decay that grows with the square of the weight; columns keep "
       "their norm as in all rules of this family",
       {{"hebb", 0.3f}, {"decay", 0.1f}}},
      {"agree",
       "units agree with themselves on a noisy copy of the example, and differ from one another; "
       "for two views",
       {{"agree", 0.7f}, {"separate", 0.5f}},
       "two",
       {.inner_lr = 0.05, .inner_steps = 1000}},
      {"agree-neighbours",
       "agree, with the nearest of many other examples in the place of the noisy copy",
       {{"agree", 0.7f}, {"separate", 0.6f}},
       "neighbours",
       {.inner_lr = 0.05, .inner_steps = 500}}};
  return kRules;
}

bool is_classical_rule(std::string_view name) {
  return std::ranges::any_of(classical_rules(),
                             [&](const ClassicalRule& rule) { return rule.name == name; });
}

namespace {

const ClassicalRule& find_classical(std::string_view name) {
  const auto rule = std::ranges::find(classical_rules(), name, &ClassicalRule::name);
  METAPLASTIC_CHECK(rule != classical_rules().end());
  return *rule;
}

}  // namespace

RuleSizes classical_sizes(std::string_view name) {
  RuleSizes sizes;
  sizes.views = find_classical(name).views;
  return sizes;
}

namespace {

// The rule's weights among the terms of that mix, all others 0. The weights are written for the
// gain of compact's twelve terms.
void set_mix(const ClassicalRule& rule, const ThetaLayout& layout, ThetaName name,
             std::vector<float>& theta) {
  const RuleSizes& sizes = layout.sizes();
  if (rule.views != "one" && !sizes.has_two_views()) {
    fail(
        "rule {}: expected views '{}', since its terms compare them, found 'one'; use another "
        "rule",
        rule.name, rule.views);
  }
  const double terms = sizes.is_local() ? kRule.mix_terms_local : kRule.mix_terms;
  const auto scale = static_cast<float>(sizes.is_metz2019() ? kRule.mix_gain * terms : 1);
  const auto mix = theta.begin() + layout[name].offset;
  std::fill_n(mix, layout.num_terms(), 0.0f);
  for (const auto& [term, weight] : rule.mix) {
    const int at = layout.term_index(term);
    if (at < 0) {
      fail(
          "rule {}: expected locality 'layer', since its term {} compares neurons, found '{}'; use "
          "another rule",
          rule.name, term, sizes.locality);
    }
    mix[at] = scale * weight;
  }
}

}  // namespace

Rule make_classical_rule(std::string_view name, const RuleSizes& sizes, std::uint64_t seed) {
  const ClassicalRule& rule = find_classical(name);
  const ThetaLayout layout(sizes);
  Rule result;
  result.sizes = sizes;
  result.inner = rule.inner;
  result.theta = random_theta(layout, seed);
  const auto entry = [&](ThetaName theta_name) {
    return result.theta.begin() + layout[theta_name].offset;
  };
  set_mix(rule, layout, ThetaName::kMix, result.theta);
  if (layout.has(ThetaName::kMixV)) set_mix(rule, layout, ThetaName::kMixV, result.theta);
  set_usual_settings(layout, rule.inner, result.theta);
  const int columns = layout.num_readout_columns();
  for (int c = 0; layout.has_networks() && c < sizes.C; ++c)
    entry(ThetaName::kReadout)[c * columns + layout.bias_column()] = 0;
  result.provenance = {{"made_by", "hand"},
                       {"classical_rule", rule.name},
                       {"description", rule.description},
                       {"seed", seed}};
  return result;
}

Rule with_views(const Rule& rule, const std::string& views, float mix_share) {
  METAPLASTIC_CHECK(rule.sizes.is_plain_compact() && views != "one");
  Rule grown = rule;
  grown.sizes.views = views;
  const ThetaLayout from(rule.sizes), to(grown.sizes);
  const auto like = std::ranges::find(classical_rules(), views, &ClassicalRule::views);
  METAPLASTIC_CHECK(like != classical_rules().end());
  grown.theta = convert_theta(from, rule.theta, to);
  const std::vector<float> shared = grown.theta;
  set_mix(*like, to, ThetaName::kMix, grown.theta);
  for (const LayoutTerm& term : to.terms()) {
    if (term.term->needs_views()) continue;
    const auto at = static_cast<std::size_t>(to[ThetaName::kMix].offset + to.term_index(term.name));
    grown.theta[at] = mix_share * shared[at];
  }
  return grown;
}

Rule without_views(const Rule& rule) {
  METAPLASTIC_CHECK(rule.sizes.has_two_views());
  Rule alone = rule;
  alone.sizes.views = "one";
  alone.theta = convert_theta(ThetaLayout(rule.sizes), rule.theta, ThetaLayout(alone.sizes));
  return alone;
}

}  // namespace metaplastic
