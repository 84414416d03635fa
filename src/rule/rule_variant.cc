#include "rule/rule_variant.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "rule/composed_step.h"

namespace metaplastic {

std::span<const RuleVariant> rule_variants() {
  static constexpr RuleVariant kVariants[] = {
      {},
      {.name = "dense", .description = "units answer to more examples", .share = 0.7},
      {.name = "noisy", .description = "second views have more noise", .noise = 2.5},
      {.name = "alike", .description = "units may be more alike", .separate = 1.0 / 3},
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

void check_variant(const RuleVariant& variant, const RuleSizes& sizes) {
  if (variant.name == RuleVariant{}.name || sizes.has_neighbours()) return;
  fail(
      "variant: expected {} for a rule that does not walk among neighbours, found {}; use another "
      "rule",
      RuleVariant{}.name, variant.name);
}

std::vector<float> theta_of_variant(std::vector<float> theta, const RuleSizes& sizes,
                                    const RuleVariant& variant) {
  if (!sizes.has_neighbours()) return theta;
  const ThetaLayout layout(sizes);
  const std::vector<std::string_view> names = term_names(layout);
  const auto separate = std::ranges::find(names, "separate") - names.begin();
  for (const ThetaName mix : {ThetaName::kMix, ThetaName::kMixV}) {
    if (!layout.has(mix)) continue;
    theta[static_cast<std::size_t>(layout[mix].offset + separate)] *=
        static_cast<float>(variant.separate);
  }
  return theta;
}

}  // namespace metaplastic
