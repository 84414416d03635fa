#include "apply/rule_variant.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "rule/classical.h"
#include "rule/terms.h"
#include "rule/theta.h"

namespace metaplastic {

std::span<const RuleVariant> rule_variants() {
  static constexpr RuleVariant kVariants[] = {
      {},
      {.name = "alike", .description = "units may be more alike", .separate = 1.0 / 3},
      {.name = "alone",
       .description = "no second views: what needs none acts at its full weight",
       .one_view = 12.5,
       .alone = true},
      {.name = "noisy", .description = "second views have more noise", .noise = 2.5},
      {.name = "mixed", .description = "what needs no second view weighs more", .one_view = 6},
      {.name = "dense", .description = "units answer to more examples", .share = 0.7},
      {.name = "far", .description = "walks are longer", .hops = 3},
      {.name = "apart", .description = "units are kept more apart", .separate = 1.5}};
  return kVariants;
}

std::vector<std::string> variant_names() {
  std::vector<std::string> names;
  for (const RuleVariant& variant : rule_variants()) names.emplace_back(variant.name);
  return names;
}

const RuleVariant& find_variant(std::string_view name) {
  const auto found = std::ranges::find(rule_variants(), name, &RuleVariant::name);
  if (found != rule_variants().end()) return *found;
  const std::vector<std::string> names = variant_names();
  fail("variant: expected one of {}, found '{}'; did you mean '{}'?", fmt::join(names, ", "),
       printable(name), nearest_name(name, names));
}

bool has_variants(const RuleSizes& sizes) {
  return sizes.has_neighbours() && !sizes.has_settings();
}

void check_variant(const RuleVariant& variant, const RuleSizes& sizes) {
  if (variant.name == RuleVariant{}.name || has_variants(sizes)) return;
  fail("variant: expected {} for a rule that {}, found {}; use another rule", RuleVariant{}.name,
       sizes.has_settings() ? "follows the data by itself" : "does not walk among neighbours",
       variant.name);
}

Rule rule_of_variant(const Rule& rule, const RuleVariant& variant) {
  if (!rule.sizes.has_neighbours()) return rule;
  Rule varied = variant.alone ? without_views(rule) : rule;
  const ThetaLayout layout(varied.sizes);
  float* mix = varied.theta.data() + layout[ThetaName::kMix].offset;
  for (const LayoutTerm& term : layout.terms()) {
    const double times = term.name == "separate"    ? variant.separate
                         : term.term->needs_views() ? 1
                                                    : variant.one_view;
    *mix++ *= static_cast<float>(times);
  }
  return varied;
}

}  // namespace metaplastic
