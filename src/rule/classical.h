// Classical plasticity rules as points of the family: hand-set thetas.
// [docs/method.md]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rule/rule_file.h"

namespace metaplastic {

struct ClassicalRule {
  std::string name;
  std::string description;
  std::vector<std::pair<std::string, float>> mix;  // term name, weight; all others 0
  std::string views = "one";                       // what its terms need
  InnerSettings inner = {};                        // how it wants to be applied
};

// hebb, hebb-decorrelate, oja, agree, agree-neighbours.
const std::vector<ClassicalRule>& classical_rules();
bool is_classical_rule(std::string_view name);
// The usual sizes, with the views that the rule needs.
RuleSizes classical_sizes(std::string_view name);

// The readouts and the bias step do not act (mix 0, bias_out 0), but the hidden network is started
// at random from `seed`, so that meta-training can begin here. Throws Error for sizes that lack one
// of the rule's terms.
Rule make_classical_rule(std::string_view name, const RuleSizes& sizes, std::uint64_t seed);

// A rule as the start of one of these views, not "one": mix_share of its mix, and the terms of
// the classical rule of such views at their weights there. Where it has one view, the hidden
// network does not read the new inputs yet. Needs plain compact sizes.
Rule with_views(const Rule& rule, const std::string& views, float mix_share);
// A rule of two views or neighbours as one of one view: without the inputs of its hidden network
// and the terms of its mix that are for them.
Rule without_views(const Rule& rule);

}  // namespace metaplastic
