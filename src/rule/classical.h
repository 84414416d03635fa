// Classical plasticity rules as points of the family: hand-set thetas.   [rule-spec "Classical
// rules"]
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
};

// hebb, hebb-decorrelate, oja.
const std::vector<ClassicalRule>& classical_rules();
bool is_classical_rule(std::string_view name);

// The readouts and the bias step do not act (mix 0, bias_out 0), but the hidden network is started
// at random from `seed`, so that meta-training can begin here.
Rule make_classical_rule(std::string_view name, const RuleSizes& sizes, std::uint64_t seed);

}  // namespace metaplastic
