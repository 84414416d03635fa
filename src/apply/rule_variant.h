// Ways to apply a rule that walks among neighbours, each of which serves some data better than the
// usual one.  [docs/method.md, "Variants"; not in the paper]
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neighbours/neighbour_pool.h"
#include "rule/rule_file.h"

namespace metaplastic {

// Each number multiplies the value that the rule and the data would otherwise use.
struct RuleVariant {
  std::string_view name = "usual", description = "as the rule is evaluated";
  double hops = 1;      // the mean length of a walk, which has one hop at least
  double noise = 1;     // of second views
  double share = 1;     // that homeostatic units aim at (homeostasis.h)
  double separate = 1;  // the weight of that term in the mix
  double one_view = 1;  // the weights of the terms that need no second view
  bool alone = false;   // no second views: what they are for is left out of the rule

  ViewSettings of(const ViewSettings& usual_views) const {
    return {hops * usual_views.hops, noise * usual_views.noise, share * usual_views.share};
  }
};

// "usual" first, then in the order in which a search should try them.
std::span<const RuleVariant> rule_variants();
std::vector<std::string> variant_names();
// Throws Error, with the names, when there is no such variant.
const RuleVariant& find_variant(std::string_view name);
// Whether a search may try variants of the rule: it walks among neighbours, and its settings are
// fixed. A rule that has learned its settings is applied as it was trained.
bool has_variants(const RuleSizes& sizes);
// Throws Error for another variant than "usual" of a rule without variants.
void check_variant(const RuleVariant& variant, const RuleSizes& sizes);
// The rule with the variant's weights in its mix, and of one view where examples are alone.
Rule rule_of_variant(const Rule& rule, const RuleVariant& variant);

}  // namespace metaplastic
