#include "rule/classical.h"

#include <algorithm>

#include "base/error.h"
#include "rule/weight_step.h"

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
       {{"hebb", 0.3f}, {"decay", 0.1f}}}};
  return kRules;
}

bool is_classical_rule(std::string_view name) {
  return std::ranges::any_of(classical_rules(),
                             [&](const ClassicalRule& rule) { return rule.name == name; });
}

Rule make_classical_rule(std::string_view name, const RuleSizes& sizes, std::uint64_t seed) {
  const auto rule = std::ranges::find(classical_rules(), name, &ClassicalRule::name);
  METAPLASTIC_CHECK(rule != classical_rules().end());
  const ThetaLayout layout(sizes);
  Rule result;
  result.sizes = sizes;
  result.theta = random_theta(layout, seed);
  const auto entry = [&](ThetaName theta_name) {
    return result.theta.begin() + layout[theta_name].offset;
  };
  std::fill_n(entry(ThetaName::kMix), kNumTerms, 0.0f);
  for (const auto& [term, weight] : rule->mix) {
    const auto at = std::ranges::find(term_names(), term) - term_names().begin();
    METAPLASTIC_CHECK(at < kNumTerms);
    entry(ThetaName::kMix)[at] = weight;
  }
  const int columns = layout.num_readout_columns();
  for (int c = 0; c < sizes.C; ++c)
    entry(ThetaName::kReadout)[c * columns + layout.bias_column()] = 0;
  result.provenance = {{"made_by", "hand"},
                       {"classical_rule", rule->name},
                       {"description", rule->description},
                       {"seed", seed}};
  return result;
}

}  // namespace metaplastic
